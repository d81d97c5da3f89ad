with

source as (
    select * from {{ ref("stg_skyslope__sales") }}
),

{{ unfolded_contacts("sale_source_id", [
    ("source.title_contact", "title"),
    ("source.escrow_contact", "escrow"),
    ("source.lender_contact", "lender"),
    ("source.other_side_agent_contact", "other_side_agent"),
    ("source.misc_contact", "other"),
    ("source.home_warranty_contact", "home_warranty"),
    ("source.buyers", "buyer"),
    ("source.sellers", "seller"),
    ("source.attorney_contact", "attorney"),
    ("source.transaction_coordinators", "coordinator"),
    ("source.commission_referral -> 'contact'", "referral"),
]) }}

select * from renamed

with

source as (
    select * from {{ ref("stg_skyslope__listings") }}
),

{{ unfolded_contacts("listing_source_id", [
    ("source.misc_contact", "other"),
    ("source.home_warranty_contact", "home_warranty"),
    ("source.sellers", "seller"),
]) }}

select * from renamed

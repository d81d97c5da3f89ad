{% set single = [
    ("title_contact", "title"),
    ("escrow_contact", "escrow"),
    ("lender_contact", "lender"),
    ("other_side_agent_contact", "other_side_agent"),
    ("misc_contact", "other"),
    ("home_warranty_contact", "home_warranty"),
] %}
{% set many = [
    ("buyers", "buyer"),
    ("sellers", "seller"),
    ("attorney_contact", "attorney"),
] %}
with

source as (
    select * from {{ ref("stg_skyslope__sales") }}
),

contacts as (
    {% for column, role in single + many %}
    select
        source.connection_id,
        source.sale_source_id,
        '{{ role }}' as contact_role,
        elements.position as contact_position,
        elements.contact,
        source.synced_at
    from source
    cross join
        lateral {{ json_elements(one_or_many("source." ~ column)) }}
        with ordinality as elements (contact, position)
    {{ "union all" if not loop.last }}
    {% endfor %}
),

renamed as (
    select
        -- ids
        connection_id,
        sale_source_id,
        contact_role,
        contact_position,
        {{ json_text("contact", "contactGuid") }} as contact_source_id,

        -- strings
        {{ json_text("contact", "firstName") }} as first_name,
        {{ json_text("contact", "lastName") }} as last_name,
        {{ json_text("contact", "company") }} as company,
        lower({{ json_text("contact", "email") }}) as email,
        {{ json_text("contact", "phoneNumber") }} as phone,
        {{ json_text("contact", "streetNumber") }} as street_number,
        {{ json_text("contact", "streetName") }} as street_name,
        {{ json_text("contact", "city") }} as city,
        {{ json_text("contact", "state") }} as state,
        {{ json_text("contact", "zip") }} as postal_code,

        -- numerics
        {{ json_numeric("contact", "loanAmount") }} as loan_amount,

        -- loading
        synced_at
    from contacts
    -- an empty object stands for nobody
    where contact <> '{}'::jsonb
)

select * from renamed

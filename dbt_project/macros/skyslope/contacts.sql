{# The parties of files, one row each (contract §3.8). `contacts` has pairs of a jsonb expression over
   `source` and the role of who is in it: an object, a list, or nobody in one of three forms. #}
{% macro unfolded_contacts(key, contacts) %}
contacts as (
    {% for expression, role in contacts %}
    select
        source.connection_id,
        source.{{ key }},
        '{{ role }}' as contact_role,
        elements.position as contact_position,
        elements.contact,
        source.synced_at
    from source
    cross join
        lateral {{ json_elements(one_or_many(expression)) }}
        with ordinality as elements (contact, position)
    {{ "union all" if not loop.last }}
    {% endfor %}
),

renamed as (
    select
        -- ids
        connection_id,
        {{ key }},
        contact_role,
        contact_position,
        {{ json_text("contact", "contactGuid") }} as contact_source_id,

        -- strings
        {{ json_text("contact", "firstName") }} as first_name,
        {{ json_text("contact", "lastName") }} as last_name,
        {{ json_text("contact", ["fullName", "representativeName"]) }} as full_name,
        {{ json_text("contact", "company") }} as company,
        lower({{ json_text("contact", "email") }}) as email,
        {{ json_text("contact", "phoneNumber") }} as phone,
        {{ json_text("contact", "alternatePhone") }} as alternate_phone,
        {{ json_text("contact", "fax") }} as fax,
        {{ json_text("contact", "streetNumber") }} as street_number,
        {{ json_text("contact", "streetName") }} as street_name,
        {{ json_text("contact", "city") }} as city,
        {{ json_text("contact", "state") }} as state,
        {{ json_text("contact", "zip") }} as postal_code,
        {{ json_text("contact", "notes") }} as notes,
        {{ json_text("contact", "miscContactType") }} as contact_kind,
        {{ json_text("contact", "confirmationNumber") }} as confirmation_number,
        {{ json_text("contact", "loanType") }} as loan_type,

        -- numerics
        {{ json_numeric("contact", "loanAmount") }} as loan_amount,
        {{ json_numeric("contact", "fee") }} as fee_amount,

        -- booleans
        {{ json_boolean("contact", "isTrustCompanyOrOtherEntity") }} as is_entity,
        {{ json_boolean("contact", "isCashDeal") }} as is_cash_deal,
        {{ json_boolean("contact", "hasAccess") }} as has_access,

        -- loading
        synced_at
    from contacts
    -- an empty object stands for nobody
    where contact <> '{}'::jsonb
)
{% endmacro %}

{# without a WITH, so that the rows of some people are looked up: see is_live #}
select
    -- ids
    source.connection_id,
    source.row_key,
    source.person_source_id,
    elements.position as phone_position,

    -- strings
    {{ json_text("elements.item", "value") }} as phone,
    coalesce(
        {{ json_text("elements.item", "normalized") }},
        nullif(regexp_replace(elements.item ->> 'value', '[^0-9]', '', 'g'), '')
    ) as phone_digits,
    {{ json_text("elements.item", "type") }} as phone_type,
    {{ json_text("elements.item", "status") }} as phone_status,

    -- booleans
    coalesce({{ json_boolean("elements.item", "isPrimary") }}, false) as is_primary,

    -- loading
    source.synced_at
from {{ ref("stg_fub__people") }} as source
cross join
    lateral {{ json_elements("source.phones") }}
    with ordinality as elements (item, position)
where {{ json_text("elements.item", "value") }} is not null

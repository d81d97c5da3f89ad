{# without a WITH, so that the rows of some people are looked up: see is_live #}
select
    -- ids
    source.connection_id,
    source.row_key,
    source.person_source_id,
    elements.position as email_position,

    -- strings
    lower({{ json_text("elements.item", ["value", "emailAddress"]) }}) as email,
    {{ json_text("elements.item", "type") }} as email_type,
    {{ json_text("elements.item", "status") }} as email_status,

    -- booleans
    coalesce({{ json_boolean("elements.item", "isPrimary") }}, false) as is_primary,

    -- loading
    source.synced_at
from {{ ref("stg_fub__people") }} as source
cross join
    lateral {{ json_elements("source.emails") }}
    with ordinality as elements (item, position)
where {{ json_text("elements.item", "value") }} is not null

with

source as (
    select * from {{ ref("stg_fub__people") }}
),

renamed as (
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
    from source
    cross join
        lateral {{ json_elements("source.emails") }}
        with ordinality as elements (item, position)
    where {{ json_text("elements.item", "value") }} is not null
)

select * from renamed

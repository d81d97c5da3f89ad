with

source as (
    select * from {{ ref("stg_lofty__transactions") }}
),

renamed as (
    select
        -- ids
        source.connection_id,
        source.transaction_source_id,
        elements.position as field_position,
        {{ lofty_id("elements.item ->> 'id'") }} as transaction_field_source_id,

        -- strings
        {{ json_text('elements.item', 'value') }} as field_value,

        -- loading
        source.synced_at
    from source
    cross join
        lateral {{ json_elements("source.custom_fields") }}
        with ordinality as elements (item, position)
)

select * from renamed

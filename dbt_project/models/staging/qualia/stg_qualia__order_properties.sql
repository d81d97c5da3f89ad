with

source as (
    select * from {{ ref("stg_qualia__orders") }}
),

renamed as (
    select
        -- ids
        source.connection_id,
        source.order_source_id,
        elements.position as property_position,

        -- strings
        {{ address_columns('elements.item', '') }},

        -- loading
        source.synced_at
    from source
    cross join
        lateral {{ json_elements("source.properties") }}
        with ordinality as elements (item, position)
    where jsonb_typeof(elements.item) = 'object'
)

select * from renamed

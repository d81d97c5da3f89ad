with

source as (
    select * from {{ ref("stg_qualia__agencies") }}
),

renamed as (
    select
        -- ids
        source.connection_id,
        source.agency_source_id,
        elements.position as address_position,

        -- strings
        {{ address_columns('elements.item', '') }},

        -- loading
        source.synced_at
    from source
    cross join
        lateral {{ json_elements("source.addresses") }}
        with ordinality as elements (item, position)
    where jsonb_typeof(elements.item) = 'object'
)

select * from renamed

with

source as (
    select * from {{ ref("stg_qualia__parties") }}
),

renamed as (
    select
        -- ids
        source.connection_id,
        source.order_source_id,
        source.party_kind,
        source.party_position,
        elements.position as license_position,

        -- strings
        {{ json_text('elements.item', 'id') }} as license_number,
        {{ json_text('elements.item', 'state') }} as license_state,

        -- loading
        source.synced_at
    from source
    cross join
        lateral {{ json_elements("source.state_license_ids") }}
        with ordinality as elements (item, position)
    where jsonb_typeof(elements.item) = 'object'
)

select * from renamed

with

source as (
    select * from {{ ref("stg_lofty__lead_inquiries") }}
),

renamed as (
    select
        -- ids
        source.connection_id,
        source.lead_source_id,
        elements.position as location_position,

        -- strings
        {{ json_text('elements.item', 'description') }} as location_name,
        {{ json_text('elements.item', 'streetAddress') }} as street_address,
        {{ json_text('elements.item', 'city') }} as city,
        {{ json_text('elements.item', 'county') }} as county,
        {{ json_text('elements.item', 'stateCode') }} as state,
        {{ json_text('elements.item', 'zipCode') }} as postal_code,

        -- loading
        source.synced_at
    from source
    cross join
        lateral {{ json_elements("source.locations") }}
        with ordinality as elements (item, position)
)

select * from renamed

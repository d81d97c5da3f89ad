with

source as (
    select * from {{ ref("stg_lofty__leads") }}
),

renamed as (
    select
        -- ids
        source.connection_id,
        source.lead_source_id,
        elements.position as segment_position,

        -- strings
        {{ present("elements.item #>> '{}'") }} as segment,

        -- loading
        source.synced_at
    from source
    cross join
        lateral {{ json_elements("source.segments") }}
        with ordinality as elements (item, position)
    where {{ present("elements.item #>> '{}'") }} is not null
)

select * from renamed

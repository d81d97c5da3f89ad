with

source as (
    select * from {{ ref("stg_lofty__ponds") }}
),

renamed as (
    select
        -- ids
        source.connection_id,
        source.pond_source_id,
        elements.position as agent_position,
        {{ lofty_id("elements.item #>> '{}'") }} as agent_user_source_id,

        -- loading
        source.synced_at
    from source
    cross join
        lateral {{ json_elements("source.agent_ids") }}
        with ordinality as elements (item, position)
    where {{ lofty_id("elements.item #>> '{}'") }} is not null
)

select * from renamed

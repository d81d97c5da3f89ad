with

source as (
    select * from {{ ref("stg_fub__deals") }}
),

renamed as (
    select distinct on (source.connection_id, source.deal_source_id, user_source_id)
        -- ids
        source.connection_id,
        source.deal_source_id,
        {{ foreign_id("(elements.item ->> 'id')") }} as user_source_id,
        elements.position as user_number,

        -- strings
        {{ json_text("elements.item", "name") }} as user_name,

        -- loading
        source.synced_at
    from source
    cross join
        lateral {{ json_elements("source.users") }}
        with ordinality as elements (item, position)
    where {{ foreign_id("(elements.item ->> 'id')") }} is not null
    order by
        source.connection_id, source.deal_source_id, user_source_id, elements.position
)

select * from renamed

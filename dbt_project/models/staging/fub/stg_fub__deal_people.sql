with

source as (
    select * from {{ ref("stg_fub__deals") }}
),

renamed as (
    select distinct on (source.connection_id, source.deal_source_id, person_source_id)
        -- ids
        source.connection_id,
        source.deal_source_id,
        {{ foreign_id("(elements.item ->> 'id')") }} as person_source_id,
        elements.position as person_number,

        -- strings
        {{ json_text("elements.item", "name") }} as person_name,

        -- loading
        source.synced_at
    from source
    cross join
        lateral {{ json_elements("source.people") }}
        with ordinality as elements (item, position)
    where {{ foreign_id("(elements.item ->> 'id')") }} is not null
    order by
        source.connection_id, source.deal_source_id, person_source_id, elements.position
)

select * from renamed

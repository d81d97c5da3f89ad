with

source as (
    select * from {{ ref("stg_lofty__leads") }}
),

renamed as (
    select
        -- ids
        source.connection_id,
        source.lead_source_id,
        elements.position as tag_position,
        {{ lofty_id("elements.item ->> 'tagId'") }} as tag_source_id,
        {{ lofty_id("elements.item ->> 'creatorUserId'") }} as creator_user_source_id,

        -- strings
        {{ json_text('elements.item', 'tagName') }} as tag,

        -- dates
        {{ safe_instant("elements.item ->> 'createTime'") }} as created_at,
        {{ safe_instant("elements.item ->> 'updateTime'") }} as updated_at,

        -- loading
        source.synced_at
    from source
    cross join
        lateral {{ json_elements("source.tags") }}
        with ordinality as elements (item, position)
)

select * from renamed

with

source as (
    select * from {{ ref("stg_lofty__leads") }}
),

renamed as (
    select
        -- ids
        source.connection_id,
        source.lead_source_id,
        elements.position as role_position,
        {{ lofty_id("elements.item ->> 'roleId'") }} as role_source_id,
        {{ lofty_id("elements.item ->> 'assigneeId'") }} as assignee_user_source_id,

        -- strings
        {{ json_text('elements.item', 'role') }} as role_name,
        {{ json_text('elements.item', 'assignee') }} as assignee_name,

        -- loading
        source.synced_at
    from source
    cross join
        lateral {{ json_elements("source.custom_role_list") }}
        with ordinality as elements (item, position)
    where {{ lofty_id("elements.item ->> 'assigneeId'") }} is not null
)

select * from renamed

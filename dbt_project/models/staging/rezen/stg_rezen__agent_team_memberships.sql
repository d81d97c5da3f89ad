with

source as (
    select * from {{ ref("stg_rezen__agents") }}
),

renamed as (
    select distinct on (source.connection_id, team_source_id)
        -- ids
        source.connection_id,
        source.agent_source_id,
        {{ json_text("membership", ["teamId", "id"]) }} as team_source_id,

        -- strings
        {{ json_text("membership", ["teamName", "name"]) }} as team_name,
        {{ json_text("membership", ["teamType", "type"]) }} as team_type,

        -- booleans
        {{ json_boolean("membership", "flex") }} as is_flex,

        -- loading
        source.synced_at
    from source
    cross join lateral {{ json_elements("source.team_memberships") }} as membership
    where {{ json_text("membership", ["teamId", "id"]) }} is not null
    order by source.connection_id, team_source_id, team_name
)

select * from renamed

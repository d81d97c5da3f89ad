with

owners as (
    select * from {{ ref("team_role") }}
    where role_name = 'owner'
),

agents as (
    select * from {{ ref("agent") }}
),

final as (
    select
        -- ids
        owners.team_id,
        owners.agent_id as owner_agent_id,
        agents.agent_key as owner_agent_key,

        -- strings
        agents.full_name as owner_name,

        -- booleans
        owners.is_active
    from owners
    left join agents on owners.agent_id = agents.agent_id
)

select * from final

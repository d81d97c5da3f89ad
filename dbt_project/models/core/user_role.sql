with

users as (
    select * from {{ ref("app_user") }}
),

roles as (
    select * from {{ ref("team_role") }}
    where is_active
),

members as (
    select * from {{ ref("team_member") }}
    where is_active
),

held as (
    select
        agent_id,
        bool_or(role_name = 'owner') as is_team_owner,
        bool_or(role_name = 'leader') as is_leader,
        bool_or(role_name = 'admin') as is_team_admin,
        min(team_id) filter (where role_name in ('owner', 'leader')) as led_team_id
    from roles
    group by agent_id
),

placed as (
    select distinct agent_id
    from members
),

final as (
    select
        -- ids
        users.agent_key,
        users.agent_id,
        coalesce(held.led_team_id, users.team_id) as team_id,

        -- strings
        case
            when users.agent_id is null then 'User'
            when held.is_team_owner then 'Team Owner'
            when held.is_leader then 'Leader'
            when held.is_team_admin then 'Admin'
            when placed.agent_id is not null or users.team_id is not null
                then 'Team Member'
            else 'Agent'
        end as role_name,
        case
            when placed.agent_id is not null or users.team_id is not null then 'Team'
            else 'Individual'
        end as account_type,

        -- booleans
        users.agent_id is not null as is_agent,
        placed.agent_id is null and users.team_id is null as is_individual,
        placed.agent_id is not null or users.team_id is not null as is_on_team,
        coalesce(held.is_team_owner, false) as is_team_owner,
        coalesce(held.is_leader, false) as is_leader,
        coalesce(held.is_team_admin, false) as is_team_admin
    from users
    left join held on users.agent_id = held.agent_id
    left join placed on users.agent_id = placed.agent_id
)

select * from final

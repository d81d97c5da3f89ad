with

members as (
    select * from {{ ref("team_member") }}
),

agents as (
    select * from {{ ref("agent") }}
),

-- what reZEN knows; directors and mentors are the product's own roles
held as (
    select
        team_id,
        agent_id,
        'leader' as role_name,
        is_active
    from members
    where is_leader

    union all

    select
        team_id,
        agent_id,
        'admin' as role_name,
        is_active
    from members
    where is_admin
),

-- the owner is the leader; of several, the one who has been with Real longest
owners as (
    select distinct on (held.team_id)
        held.team_id,
        held.agent_id
    from held
    left join agents on held.agent_id = agents.agent_id
    where held.role_name = 'leader'
    order by
        held.team_id, held.is_active desc, agents.join_date nulls last, held.agent_id
),

final as (
    select
        team_id,
        agent_id,
        role_name,
        is_active
    from held

    union all

    select
        owners.team_id,
        owners.agent_id,
        'owner' as role_name,
        held.is_active
    from owners
    inner join held
        on
            owners.team_id = held.team_id
            and owners.agent_id = held.agent_id
            and held.role_name = 'leader'
)

select * from final

with

members as (
    select * from {{ ref("fact_network_member") }}
),

changes as (
    select * from {{ ref("network_change_log") }}
    where change_type = 'Status'
),

agents as (
    select * from {{ ref("agent") }}
),

events as (
    select
        agent_id,
        team_id,
        member_agent_id,
        'joined' as event_kind,
        1 as event_number,
        {{ known_date("join_date") }} as period_date
    from members
    where joined_members = 1

    union all

    select
        agent_id,
        team_id,
        member_agent_id,
        'left' as event_kind,
        1 as event_number,
        {{ known_date("terminated_date") }} as period_date
    from members
    where left_members = 1

    union all

    select
        changes.owner_agent_id as agent_id,
        {{ or_unknown("agents.team_id") }} as team_id,
        changes.member_agent_id,
        'status' as event_kind,
        row_number() over (
            partition by changes.owner_agent_id, changes.member_agent_id
            order by changes.detected_at
        ) as event_number,
        {{ known_date(reporting_date("changes.detected_at")) }} as period_date
    from changes
    left join agents on changes.owner_agent_id = agents.agent_id
    where {{ not_demo("changes.owner_agent_id") }}
),

final as (
    select
        -- ids
        agent_id,
        member_agent_id,
        team_id,

        -- strings
        event_kind,

        -- numerics
        event_number,
        (event_kind = 'joined')::int as joins,
        (event_kind = 'left')::int as leaves,
        case event_kind when 'joined' then 1 when 'left' then -1 else 0 end
            as net_joins,
        (event_kind = 'status')::int as status_changes,

        -- dates
        period_date,
        date_trunc('week', period_date)::date as period_week,
        date_trunc('month', period_date)::date as period_month
    from events
)

select * from final

with

members as (
    select * from {{ ref("fact_network_member") }}
),

events as (
    select
        agent_id,
        team_id,
        member_agent_id,
        'joined' as event_kind,
        {{ known_date("join_date") }} as period_date
    from members
    where joined_members = 1

    union all

    select
        agent_id,
        team_id,
        member_agent_id,
        'left' as event_kind,
        {{ known_date("terminated_date") }} as period_date
    from members
    where left_members = 1
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
        (event_kind = 'joined')::int as joins,
        (event_kind = 'left')::int as leaves,
        case event_kind when 'joined' then 1 else -1 end as net_joins,

        -- dates
        period_date,
        date_trunc('week', period_date)::date as period_week,
        date_trunc('month', period_date)::date as period_month
    from events
)

select * from final

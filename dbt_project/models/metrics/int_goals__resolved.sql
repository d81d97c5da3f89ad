with

goals as (
    select * from {{ ref("kpi_goal") }}
),

users as (
    select * from {{ ref("app_user") }}
    where {{ demo_filter("is_demo") }}
),

teams as (
    select * from {{ ref("team") }}
),

periods as (
    select * from {{ ref("time_period") }}
),

-- a goal is given by the names people know: an agent's key, a team's id at the vendor
final as (
    select
        goals.scope_kind,
        coalesce(users.agent_id, teams.team_id, 'company') as scope_id,
        goals.scope_key,
        goals.metric,
        goals.period_kind,
        goals.period_key,
        case
            when goals.metric like '%_amount'
                then coalesce(goals.currency, users.account_currency, 'USD')
            else 'none'
        end as currency,
        goals.goal_value,
        periods.starts_on,
        periods.ends_on
    from goals
    inner join periods
        on
            goals.period_kind = periods.period_kind
            and goals.period_key = periods.period_key
    left join users
        on goals.scope_kind = 'agent' and goals.scope_key = users.agent_key
    left join teams
        on goals.scope_kind = 'team' and goals.scope_key = teams.team_source_id
    where
        (goals.scope_kind = 'agent' and users.agent_id is not null)
        or (goals.scope_kind = 'team' and teams.team_id is not null)
        or goals.scope_kind = 'company'
)

select * from final

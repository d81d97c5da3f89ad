with

goals as (
    select * from {{ ref("int_goals__resolved") }}
),

latest as (
    select distinct on (
        scope_kind, scope_id, metric, currency, period_kind, period_key
    ) *
    from {{ ref("pacing_daily") }}
    order by
        scope_kind, scope_id, metric, currency, period_kind, period_key,
        pacing_date desc
),

-- a goal of a period that has not begun has no pace yet
final as (
    select
        goals.scope_kind,
        goals.scope_id,
        goals.metric,
        goals.currency,
        goals.period_kind,
        goals.period_key,
        goals.starts_on,
        goals.ends_on,
        goals.goal_value,
        coalesce(latest.actual_value, 0) as actual_value,
        greatest(goals.goal_value - coalesce(latest.actual_value, 0), 0)
            as remaining_value,
        coalesce(latest.expected_value, 0) as expected_value,
        latest.pace,
        {{ rate("coalesce(latest.actual_value, 0)", "goals.goal_value") }}
            as attainment_rate,
        goals.ends_on < {{ reporting_today() }} as is_complete
    from goals
    left join latest
        on
            goals.scope_kind = latest.scope_kind
            and goals.scope_id = latest.scope_id
            and goals.metric = latest.metric
            and goals.currency = latest.currency
            and goals.period_kind = latest.period_kind
            and goals.period_key = latest.period_key
)

select * from final

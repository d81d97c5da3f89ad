with

goals as (
    select * from {{ ref("int_goals__resolved") }}
),

measured as (
    select * from {{ ref("int_goals__measured") }}
),

-- every day of a period so far, with or without deals
days as (
    select
        *,
        generate_series(
            starts_on::timestamp,
            least(ends_on, {{ reporting_today() }})::timestamp,
            interval '1 day'
        )::date as pacing_date
    from goals
),

summed as (
    select
        days.*,
        {{ elapsed_share("days.pacing_date", "days.starts_on", "days.ends_on") }}
            as elapsed_share,
        coalesce(measured.measured_value, 0) as day_value,
        sum(coalesce(measured.measured_value, 0)) over (
            partition by
                days.scope_kind, days.scope_id, days.metric, days.currency,
                days.period_kind, days.period_key
            order by days.pacing_date
        ) as actual_value
    from days
    left join measured
        on
            days.scope_kind = measured.scope_kind
            and days.scope_id = measured.scope_id
            and days.metric = measured.metric
            and days.currency = measured.currency
            and days.pacing_date = measured.period_date
),

final as (
    select
        scope_kind,
        scope_id,
        metric,
        currency,
        period_kind,
        period_key,
        pacing_date,
        goal_value,
        day_value,
        actual_value,
        round(goal_value * elapsed_share, 4) as expected_value,
        {{ rate("actual_value", "goal_value * elapsed_share") }} as pace
    from summed
)

select * from final

{%- set key = [
    "scope_kind", "scope_id", "metric", "currency", "period_kind", "period_key"
] -%}

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
        goals.*,
        day::date as pacing_date
    from goals
    cross join lateral generate_series(
        goals.starts_on::timestamp,
        least(goals.ends_on, {{ reporting_today() }})::timestamp,
        interval '1 day'
    ) as day
),

final as (
    select
        {% for column in key %}days.{{ column }}, {% endfor %}days.pacing_date,
        days.goal_value,
        coalesce(measured.measured_value, 0) as day_value,
        sum(coalesce(measured.measured_value, 0)) over running as actual_value,
        round(days.goal_value * {{ elapsed_share(
            "days.pacing_date", "days.starts_on", "days.ends_on"
        ) }}, 4) as expected_value,
        round(
            sum(coalesce(measured.measured_value, 0)) over running / nullif(
                days.goal_value * {{ elapsed_share(
                    "days.pacing_date", "days.starts_on", "days.ends_on"
                ) }},
                0
            ),
            4
        ) as pace
    from days
    left join measured
        on
            days.scope_kind = measured.scope_kind
            and days.scope_id = measured.scope_id
            and days.metric = measured.metric
            and days.currency = measured.currency
            and days.pacing_date = measured.period_date
    window running as (
        partition by {% for column in key %}days.{{ column }}{{ ", " if not loop.last }}
            {%- endfor %}
        order by days.pacing_date
    )
)

select * from final

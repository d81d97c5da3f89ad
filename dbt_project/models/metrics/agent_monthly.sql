{%- set it = metric_subject("transaction") -%}
{%- set rolling = ["closed_units", "volume_amount", "gci_amount"] -%}

with

facts as (
    select * from {{ ref("fact_transaction") }}
),

months as (
    select
        agent_id,
        currency,
        period_month
        {%- for column in it.sums %},
        sum({{ column }}) as {{ column }}
        {%- endfor %}
    from facts
    group by agent_id, currency, period_month
),

-- from the first month with a deal until now without a gap
spans as (
    select
        agent_id,
        currency,
        min(period_month) as first_month
    from months
    where period_month <> '{{ var("unknown_date") }}'::date
    group by agent_id, currency
),

calendar as (
    select
        spans.agent_id,
        spans.currency,
        calendar_month::date as period_month
    from spans
    cross join lateral generate_series(
        spans.first_month, {{ reporting_today() }}, interval '1 month'
    ) as calendar_month

    union

    select
        agent_id,
        currency,
        period_month
    from months
),

filled as (
    select
        calendar.agent_id,
        calendar.currency,
        calendar.period_month
        {%- for column in it.sums %},
        coalesce(months.{{ column }}, 0) as {{ column }}
        {%- endfor %}
    from calendar
    left join months
        on
            calendar.agent_id = months.agent_id
            and calendar.currency = months.currency
            and calendar.period_month = months.period_month
),

final as (
    select
        *
        {%- for name, (above, below) in it.rates.items() %},
        {{ rate(above, below) }} as {{ name }}
        {%- endfor %}
        {%- for column in rolling %},
        -- the last twelve months that are over, this one included if it is
        case
            when period_month = '{{ var("unknown_date") }}'::date then null
            when period_month < date_trunc('month', {{ reporting_today() }})::date
                then sum({{ column }}) over (
                    partition by agent_id, currency
                    order by period_month
                    range between interval '11 months' preceding and current row
                )
            when period_month = date_trunc('month', {{ reporting_today() }})::date
                then coalesce(sum({{ column }}) over (
                    partition by agent_id, currency
                    order by period_month
                    range between interval '12 months' preceding
                    and interval '1 month' preceding
                ), 0)
        end as rolling_{{ column }}
        {%- endfor %}
    from filled
),

averaged as (
    select
        *
        {%- for column in rolling %},
        round(rolling_{{ column }} / 12, 4) as average_{{ column }}_12_months
        {%- endfor %}
    from final
)

select * from averaged

{%- set it = metric_subject("transaction") -%}
{%- set rolling = ["closed_units", "volume_amount", "gci_amount"] -%}

with

facts as (
    select * from {{ ref("fact_transaction") }}
),

months as (
    select
        {%- for column in it.sums %}
        sum({{ column }}) as {{ column }},
        {%- endfor %}
        agent_id,
        currency,
        period_month
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
        agent_id,
        currency,
        generate_series(
            first_month::timestamp, {{ reporting_today() }}, interval '1 month'
        )::date as period_month
    from spans

    union

    select
        agent_id,
        currency,
        period_month
    from months
),

filled as (
    select
        {%- for column in it.sums %}
        coalesce(months.{{ column }}, 0) as {{ column }},
        {%- endfor %}
        calendar.agent_id,
        calendar.currency,
        calendar.period_month
    from calendar
    left join months
        on
            calendar.agent_id = months.agent_id
            and calendar.currency = months.currency
            and calendar.period_month = months.period_month
),

rolled as (
    select
        {%- for column in rolling %}
        {{ rolling_year(column) }} as rolling_{{ column }},
        {%- endfor %}
        {%- for name, (above, below) in it.rates.items() %}
        {{ rate(above, below) }} as {{ name }},
        {%- endfor %}
        *
    from filled
),

final as (
    select
        {%- for column in rolling %}
        round(rolling_{{ column }} / 12, 4) as average_{{ column }}_12_months,
        {%- endfor %}
        *
    from rolled
)

select * from final

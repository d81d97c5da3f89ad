{%- set kinds = {
    "week": ["1 week", 'IYYY-"W"IW'], "month": ["1 month", "YYYY-MM"],
    "quarter": ["3 months", 'YYYY-"Q"Q'], "year": ["1 year", "YYYY"],
} -%}
{%- set running = {"mtd": "month", "qtd": "quarter", "ytd": "year"} -%}

with

today as (
    select {{ reporting_today() }} as today
),

{%- for kind, (step, pattern) in kinds.items() %}
{{ kind }}s as (
    select
        generate_series(
            date_trunc('{{ kind }}', '{{ var("earliest_date") }}'::date),
            date_trunc('{{ kind }}', today + 730),
            interval '{{ step }}'
        )::date as starts_on
    from today
),
{% endfor %}
calendar as (
    {%- for kind, (step, pattern) in kinds.items() %}
    select
        '{{ kind }}' as period_kind,
        to_char(starts_on, '{{ pattern }}') as period_key,
        starts_on,
        (starts_on + interval '{{ step }}' - interval '1 day')::date as ends_on
    from {{ kind }}s

    union all

    -- where days count that are missing or impossible
    select
        '{{ kind }}' as period_kind,
        'unknown' as period_key,
        '{{ var("unknown_date") }}'::date as starts_on,
        '{{ var("unknown_date") }}'::date as ends_on
    {%- if not loop.last %}

    union all
    {% endif %}
    {%- endfor %}
),

running as (
    {%- for kind, calendar_kind in running.items() %}
    select
        '{{ kind }}' as period_kind,
        '{{ kind }}' as period_key,
        calendar.starts_on,
        calendar.ends_on
    from calendar
    inner join today on today.today between calendar.starts_on and calendar.ends_on
    where calendar.period_kind = '{{ calendar_kind }}'

    union all
    {% endfor %}
    select
        'last_month' as period_kind,
        'last_month' as period_key,
        (date_trunc('month', today) - interval '1 month')::date as starts_on,
        (date_trunc('month', today) - interval '1 day')::date as ends_on
    from today

    union all

    select
        'all_time' as period_kind,
        'all_time' as period_key,
        '{{ var("unknown_date") }}'::date as starts_on,
        today + 730 as ends_on
    from today
),

combined as (
    select * from calendar
    union all
    select * from running
),

final as (
    select
        combined.*,
        combined.ends_on - combined.starts_on + 1 as days,
        today.today between combined.starts_on and combined.ends_on as is_current,
        combined.ends_on < today.today as is_complete,
        round({{ elapsed_share(
            "today.today", "combined.starts_on", "combined.ends_on"
        ) }}, 6) as elapsed_share
    from combined
    cross join today
)

select * from final

{%- set counted = {
    "fact_transaction": ["closed_units"], "fact_listing": ["listings"],
    "fact_network_event": ["joins"], "fact_lead": ["people"],
} -%}
{%- set paid = {
    "fact_transaction": ["volume_amount", "gci_amount", "net_payout_amount"],
    "fact_income": ["income_amount"],
} -%}

with

-- counts go over all currencies, amounts never
measured as (
    {%- for fact, columns in counted.items() %}
    {%- for column in columns %}
    select
        agent_id,
        team_id,
        '{{ column }}' as metric,
        'none' as currency,
        period_date,
        sum({{ column }})::numeric as measured_value
    from {{ ref(fact) }}
    group by agent_id, team_id, period_date

    union all
    {% endfor %}
    {%- endfor %}
    {%- for fact, columns in paid.items() %}
    {%- set last_fact = loop.last %}
    {%- for column in columns %}
    select
        agent_id,
        team_id,
        '{{ column }}' as metric,
        currency,
        period_date,
        sum({{ column }}) as measured_value
    from {{ ref(fact) }}
    group by agent_id, team_id, currency, period_date
    {%- if not (last_fact and loop.last) %}

    union all
    {% endif %}
    {%- endfor %}
    {%- endfor %}
),

scoped as (
    {{ scoped_rows("measured", ["agent", "team", "company"]) }}
),

final as (
    select
        scope_kind,
        scope_id,
        metric,
        currency,
        period_date,
        sum(measured_value) as measured_value
    from scoped
    group by scope_kind, scope_id, metric, currency, period_date
)

select * from final

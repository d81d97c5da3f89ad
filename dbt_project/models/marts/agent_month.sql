{%- set deals = metric_subject("transaction").sums -%}
{%- set types = {
    "Compensation": "compensation_amount", "RevShare": "revenue_share_income_amount",
    "Equity": "equity_income_amount", "Bonus": "bonus_amount",
} -%}
{%- set shares = ["earned", "paid", "pending", "missed"] -%}
{#- the columns of each source: what has a currency, and what has none -#}
{%- set money = {
    "production": deals,
    "incomes": types.values(),
    "contributions": [
        "revenue_share_earned_amount", "revenue_share_paid_amount",
        "revenue_share_pending_amount", "revenue_share_missed_amount",
    ],
    "listings": ["new_listings", "new_list_volume_amount"],
} -%}
{%- set counts = {
    "network_events": ["joins", "leaves"],
    "leads": ["new_leads"],
    "activities": ["calls", "call_seconds", "texts", "appointments", "events"],
} -%}

with

production as (
    select * from {{ ref("agent_monthly") }}
),

incomes as (
    select
        agent_id,
        currency,
        period_month
        {%- for type, column in types.items() %},
        coalesce(sum(income_amount) filter (where income_type = '{{ type }}'), 0)
            as {{ column }}
        {%- endfor %}
    from {{ ref("fact_income") }}
    group by agent_id, currency, period_month
),

contributions as (
    select
        agent_id,
        currency,
        period_month
        {%- for share in shares %},
        sum({{ share }}_amount) as revenue_share_{{ share }}_amount
        {%- endfor %}
    from {{ ref("fact_contribution") }}
    group by agent_id, currency, period_month
),

listings as (
    select
        agent_id,
        currency,
        period_month,
        sum(listings) as new_listings,
        sum(list_volume_amount) as new_list_volume_amount
    from {{ ref("fact_listing") }}
    group by agent_id, currency, period_month
),

agents as (
    select * from {{ ref("agent") }}
),

teams as (
    select * from {{ ref("team") }}
),

-- what has no currency is counted on the row of the agent's own, so that rows add up
{%- for source, fact in {
    "network_events": "fact_network_event", "leads": "fact_lead",
    "activities": "int_activity__monthly",
}.items() %}
{{ source }} as (
    select
        facts.agent_id,
        coalesce(agents.account_currency, 'USD') as currency,
        facts.period_month
        {%- for column in counts[source] %},
        sum(facts.{{ "people" if column == "new_leads" else column }}) as {{ column }}
        {%- endfor %}
    from {{ ref(fact) }} as facts
    left join agents on facts.agent_id = agents.agent_id
    group by facts.agent_id, agents.account_currency, facts.period_month
),
{% endfor %}
keys as (
    {%- for source in money.keys() | list + counts.keys() | list %}
    select
        agent_id,
        currency,
        period_month
    from {{ source }}
    {%- if not loop.last %}
    union
    {%- endif %}
    {%- endfor %}
),

final as (
    select
        -- ids
        keys.agent_id,
        keys.currency,
        keys.period_month,
        agents.agent_key,
        agents.team_id,

        -- strings
        agents.full_name as agent_name,
        teams.team_name,
        coalesce(agents.is_connected, false) as is_connected
        {%- for source, columns in money.items() %}
        {%- for column in columns %},
        coalesce({{ source }}.{{ column }}, 0)::numeric(20, 4) as {{ column }}
        {%- endfor %}
        {%- endfor %},
        (
            {%- for column in types.values() %}
            coalesce(incomes.{{ column }}, 0)
            {%- if not loop.last %} +{% endif %}
            {%- endfor %}
        )::numeric(20, 4) as total_revenue_amount
        {%- for source, columns in counts.items() %}
        {%- for column in columns %},
        coalesce({{ source }}.{{ column }}, 0)::bigint as {{ column }}
        {%- endfor %}
        {%- endfor %}
        {%- for column in metric_subject("transaction").rates.keys() %},
        production.{{ column }}::numeric(20, 4) as {{ column }}
        {%- endfor %}
        {%- for column in ["closed_units", "volume_amount", "gci_amount"] %},
        production.rolling_{{ column }}::numeric(20, 4) as rolling_{{ column }},
        production.average_{{ column }}_12_months::numeric(20, 4)
            as average_{{ column }}_12_months
        {%- endfor %}
    from keys
    {%- for source in money.keys() | list + counts.keys() | list %}
    left join {{ source }}
        on
            keys.agent_id = {{ source }}.agent_id
            and keys.currency = {{ source }}.currency
            and keys.period_month = {{ source }}.period_month
    {%- endfor %}
    left join agents on keys.agent_id = agents.agent_id
    left join teams on agents.team_id = teams.team_id
)

select * from final

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
        {%- for type, column in types.items() %}
        coalesce(sum(income_amount) filter (where income_type = '{{ type }}'), 0)
            as {{ column }},
        {%- endfor %}
        agent_id,
        currency,
        period_month
    from {{ ref("fact_income") }}
    group by agent_id, currency, period_month
),

contributions as (
    select
        {%- for share in shares %}
        sum({{ share }}_amount) as revenue_share_{{ share }}_amount,
        {%- endfor %}
        agent_id,
        currency,
        period_month
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
        {%- for column in counts[source] %}
        sum(facts.{{ "people" if column == "new_leads" else column }}) as {{ column }},
        {%- endfor %}
        facts.agent_id,
        coalesce(agents.account_currency, 'USD') as currency,
        facts.period_month
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
        coalesce(agents.is_connected, false) as is_connected,

        -- numerics
        {%- for source, columns in money.items() %}
        {%- for column in columns %}
        coalesce({{ source }}.{{ column }}, 0)::numeric(20, 4) as {{ column }},
        {%- endfor %}
        {%- endfor %}
        {%- for source, columns in counts.items() %}
        {%- for column in columns %}
        coalesce({{ source }}.{{ column }}, 0)::bigint as {{ column }},
        {%- endfor %}
        {%- endfor %}
        {%- for column in metric_subject("transaction").rates.keys() %}
        production.{{ column }}::numeric(20, 4) as {{ column }},
        {%- endfor %}
        {%- for column in ["closed_units", "volume_amount", "gci_amount"] %}
        production.rolling_{{ column }}::numeric(20, 4) as rolling_{{ column }},
        production.average_{{ column }}_12_months::numeric(20, 4)
            as average_{{ column }}_12_months,
        {%- endfor %}
        (
            coalesce(incomes.compensation_amount, 0)
            + coalesce(incomes.revenue_share_income_amount, 0)
            + coalesce(incomes.equity_income_amount, 0)
            + coalesce(incomes.bonus_amount, 0)
        )::numeric(20, 4) as total_revenue_amount
    from keys
    left join production
        on
            keys.agent_id = production.agent_id
            and keys.currency = production.currency
            and keys.period_month = production.period_month
    left join incomes
        on
            keys.agent_id = incomes.agent_id
            and keys.currency = incomes.currency
            and keys.period_month = incomes.period_month
    left join contributions
        on
            keys.agent_id = contributions.agent_id
            and keys.currency = contributions.currency
            and keys.period_month = contributions.period_month
    left join listings
        on
            keys.agent_id = listings.agent_id
            and keys.currency = listings.currency
            and keys.period_month = listings.period_month
    left join network_events
        on
            keys.agent_id = network_events.agent_id
            and keys.currency = network_events.currency
            and keys.period_month = network_events.period_month
    left join leads
        on
            keys.agent_id = leads.agent_id
            and keys.currency = leads.currency
            and keys.period_month = leads.period_month
    left join activities
        on
            keys.agent_id = activities.agent_id
            and keys.currency = activities.currency
            and keys.period_month = activities.period_month
    left join agents on keys.agent_id = agents.agent_id
    left join teams on agents.team_id = teams.team_id
)

select * from final

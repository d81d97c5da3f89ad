{%- set parts = [
    "capped_contributor", "yearly_maximum", "locked_tier", "missed", "pool_limit",
    "co_sponsor", "other_base", "currency", "deal_not_visible", "rounding", "pending",
    "unknown",
] -%}

with

reconciliation as (
    select * from {{ ref("revshare_reconciliation") }}
),

agents as (
    select * from {{ ref("agent") }}
),

transactions as (
    select * from {{ ref("transaction") }}
),

final as (
    select
        -- ids
        reconciliation.receiving_agent_id,
        reconciliation.contributing_agent_id,
        reconciliation.transaction_id,
        reconciliation.tier,
        reconciliation.currency,
        receivers.agent_key,

        -- strings
        receivers.full_name as receiver_name,
        contributors.full_name as contributor_name,
        transactions.transaction_code,
        reconciliation.reconciled_by,
        reconciliation.basis,
        reconciliation.cause,

        -- numerics
        {%- for column in ["formula", "expected", "payable", "vendor", "paid"] %}
        reconciliation.{{ column }}_amount::numeric(20, 4) as {{ column }}_amount,
        {%- endfor %}
        reconciliation.difference_amount::numeric(20, 4) as difference_amount,
        {%- for part in parts %}
        reconciliation.{{ part }}_difference::numeric(20, 4) as {{ part }}_difference,
        {%- endfor %}

        -- dates
        reconciliation.earned_date,
        reconciliation.earned_month
    from reconciliation
    left join agents as receivers
        on reconciliation.receiving_agent_id = receivers.agent_id
    left join agents as contributors
        on reconciliation.contributing_agent_id = contributors.agent_id
    left join transactions
        on reconciliation.transaction_id = transactions.transaction_id
    where {{ not_demo("reconciliation.receiving_agent_id") }}
)

select * from final

{% snapshot snap_transaction %}

{{
    config(
        unique_key="transaction_id",
        check_cols=[
            "lifecycle_state", "lifecycle_group", "price_amount", "price_currency",
            "gross_commission_amount", "gross_commission_currency", "owner_agent_id",
            "team_id", "contract_date", "firm_date", "estimated_closing_date", "closed_on",
        ],
    )
}}

select
    -- ids
    transactions.transaction_id,
    transactions.transaction_source_id,
    transactions.owner_agent_id,
    transactions.team_id,

    -- strings
    transactions.transaction_code,
    transactions.lifecycle_state,
    transactions.lifecycle_group,
    financials.price_currency,
    financials.gross_commission_currency,

    -- numerics
    financials.price_amount,
    financials.gross_commission_amount,

    -- dates
    transactions.contract_date,
    transactions.firm_date,
    transactions.estimated_closing_date,
    transactions.closed_on,
    transactions.rezen_closed_at,
    transactions.created_at,
    transactions.updated_at
from {{ ref("transaction") }} as transactions
inner join {{ ref("transaction_financials") }} as financials
    on transactions.transaction_id = financials.transaction_id

{% endsnapshot %}

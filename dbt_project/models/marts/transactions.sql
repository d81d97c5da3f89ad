with

transactions as (
    select * from {{ ref("transaction") }}
),

financials as (
    select * from {{ ref("transaction_financials") }}
),

agents as (
    select * from {{ ref("agent") }}
),

users as (
    select distinct on (agent_id)
        agent_id,
        is_demo
    from {{ ref("app_user") }}
    where agent_id is not null
    order by agent_id, is_demo
),

addresses as (
    select * from {{ ref("address") }}
),

owner_payouts as (
    select distinct on (transaction_id)
        transaction_id,
        net_payout_amount,
        net_payout_currency
    from {{ ref("transaction_viewer") }}
    where is_owner and net_payout_amount is not null
    order by transaction_id, updated_at desc nulls last, connection_id
),

final as (
    select
        transactions.transaction_id,
        transactions.transaction_source_id,
        transactions.transaction_code,
        transactions.owner_agent_id,
        agents.agent_key as owner_agent_key,
        agents.full_name as owner_name,
        transactions.team_id,
        transactions.transaction_status,
        transactions.lifecycle_group,
        transactions.lifecycle_state,
        transactions.transaction_type,
        transactions.property_type,
        transactions.representation,
        transactions.lead_source,
        transactions.mls_number,
        addresses.street,
        addresses.city,
        addresses.state_code,
        addresses.zip,
        addresses.country,
        financials.currency,
        financials.price_amount::numeric(20, 4) as price_amount,
        financials.gross_commission_amount::numeric(20, 4) as gross_commission_amount,
        financials.gross_commission_currency,
        owner_payouts.net_payout_amount::numeric(20, 4) as net_payout_amount,
        owner_payouts.net_payout_currency,
        transactions.contract_date,
        transactions.estimated_closing_date,
        transactions.closed_on as closed_date,
        transactions.rezen_closed_at,
        transactions.created_at,
        transactions.updated_at
    from transactions
    inner join financials on transactions.transaction_id = financials.transaction_id
    left join agents on transactions.owner_agent_id = agents.agent_id
    left join users on transactions.owner_agent_id = users.agent_id
    left join addresses on transactions.address_id = addresses.address_id
    left join owner_payouts
        on transactions.transaction_id = owner_payouts.transaction_id
    where {{ demo_filter("coalesce(users.is_demo, false)") }}
)

select * from final

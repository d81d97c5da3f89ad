with

transactions as (
    select * from {{ ref("transaction") }}
    where owner_agent_id is not null
),

financials as (
    select * from {{ ref("transaction_financials") }}
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

dated as (
    select
        transactions.*,
        -- a closed deal counts when it closed, any other in the month of its contract
        case
            when transactions.is_closed then transactions.closed_month
            else {{ known_month("transactions.contract_date") }}
        end as period_month
    from transactions
),

-- every amount goes to its own currency: one deal can carry two
measured as (
    select
        dated.owner_agent_id as agent_id,
        financials.currency,
        dated.period_month,
        dated.is_closed::int as closed_units,
        dated.is_pending::int as pending_units,
        dated.is_terminated::int as terminated_units,
        0::numeric as volume_amount,
        0::numeric as gci_amount,
        0::numeric as net_payout_amount
    from dated
    inner join financials on dated.transaction_id = financials.transaction_id

    union all

    select
        dated.owner_agent_id as agent_id,
        coalesce(financials.price_currency, financials.currency) as currency,
        dated.period_month,
        0 as closed_units,
        0 as pending_units,
        0 as terminated_units,
        financials.price_amount as volume_amount,
        0::numeric as gci_amount,
        0::numeric as net_payout_amount
    from dated
    inner join financials on dated.transaction_id = financials.transaction_id
    where dated.is_closed and financials.price_amount is not null

    union all

    select
        dated.owner_agent_id as agent_id,
        coalesce(financials.gross_commission_currency, financials.currency) as currency,
        dated.period_month,
        0 as closed_units,
        0 as pending_units,
        0 as terminated_units,
        0::numeric as volume_amount,
        financials.gross_commission_amount as gci_amount,
        0::numeric as net_payout_amount
    from dated
    inner join financials on dated.transaction_id = financials.transaction_id
    where dated.is_closed and financials.gross_commission_amount is not null

    union all

    select
        dated.owner_agent_id as agent_id,
        owner_payouts.net_payout_currency as currency,
        dated.period_month,
        0 as closed_units,
        0 as pending_units,
        0 as terminated_units,
        0::numeric as volume_amount,
        0::numeric as gci_amount,
        owner_payouts.net_payout_amount
    from dated
    inner join owner_payouts on dated.transaction_id = owner_payouts.transaction_id
    where dated.is_closed
),

final as (
    select
        agent_id,
        currency,
        period_month,
        sum(closed_units) as closed_units,
        sum(pending_units) as pending_units,
        sum(terminated_units) as terminated_units,
        sum(volume_amount) as volume_amount,
        sum(gci_amount) as gci_amount,
        sum(net_payout_amount) as net_payout_amount
    from measured
    group by agent_id, currency, period_month
)

select * from final

with

facts as (
    select * from {{ ref("fact_transaction") }}
    where agent_id <> 'unknown'
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
    from facts
    group by agent_id, currency, period_month
)

select * from final

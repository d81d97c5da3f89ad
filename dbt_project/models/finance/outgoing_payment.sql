with

contributions as (
    select * from {{ ref("contribution") }}
    where payment_source_id is not null and not is_missed
),

payments as (
    select * from {{ ref("revshare_payment") }}
),

summed as (
    select
        receiving_agent_id,
        payment_source_id,
        tier,
        coalesce(contributing_agent_id, 'unknown') as contributing_agent_id,
        currency,
        count(*) as contribution_count,
        sum(payout_amount) as payout_amount
    from contributions
    group by
        receiving_agent_id, payment_source_id, tier,
        coalesce(contributing_agent_id, 'unknown'), currency
),

final as (
    select
        summed.*,
        coalesce(payments.payment_status, 'UNKNOWN') as payment_status,
        payments.payment_method,
        payments.payment_reference,
        payments.period_start_date,
        payments.period_end_date,
        payments.paid_at
    from summed
    left join payments
        on
            summed.receiving_agent_id = payments.receiving_agent_id
            and summed.payment_source_id = payments.payment_source_id
)

select * from final

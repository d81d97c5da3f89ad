with

receivers as (
    select
        connection_id,
        agent_id,
        account_currency
    from {{ ref("connection") }}
    where agent_id is not null
),

payments as (
    select * from {{ ref("stg_rezen__revshare_payments") }}
),

latest as (
    select distinct on (receivers.agent_id, payments.payment_source_id)
        payments.*,
        receivers.agent_id as receiving_agent_id,
        receivers.account_currency
    from payments
    inner join receivers on payments.connection_id = receivers.connection_id
    order by
        receivers.agent_id, payments.payment_source_id, payments.synced_at desc,
        payments.connection_id
),

-- what the vendor lists behind a payment
listed as (
    select
        connection_id,
        payment_source_id,
        count(*) as contribution_count,
        sum(payout_amount) as contributions_amount
    from {{ ref("stg_rezen__revshare_payment_contributions") }}
    where not is_missed
    group by connection_id, payment_source_id
),

final as (
    select
        -- ids
        latest.receiving_agent_id,
        latest.payment_source_id,

        -- strings
        latest.payment_status,
        latest.payment_method,
        latest.payment_reference,
        coalesce(latest.currency, latest.account_currency) as currency,

        -- numerics
        latest.payment_amount,
        coalesce(listed.contribution_count, 0) as contribution_count,
        coalesce(listed.contributions_amount, 0) as contributions_amount,
        latest.payment_amount - coalesce(listed.contributions_amount, 0)
            as difference_amount,

        -- dates
        latest.period_start_date,
        latest.period_end_date,
        latest.paid_at
    from latest
    left join listed
        on
            latest.connection_id = listed.connection_id
            and latest.payment_source_id = listed.payment_source_id
)

select * from final

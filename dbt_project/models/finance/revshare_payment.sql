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

final as (
    select
        -- ids
        receiving_agent_id,
        payment_source_id,

        -- strings
        payment_status,
        payment_method,
        payment_reference,
        coalesce(currency, account_currency) as currency,

        -- numerics
        payment_amount,

        -- dates
        period_start_date,
        period_end_date,
        paid_at
    from latest
)

select * from final

with

payments as (
    select * from {{ ref("revshare_payment") }}
),

agents as (
    select * from {{ ref("agent") }}
),

final as (
    select
        -- ids
        payments.receiving_agent_id,
        payments.payment_source_id,
        agents.agent_key,

        -- strings
        agents.full_name as receiver_name,
        {{ or_unknown("payments.payment_status") }} as payment_status,
        payments.payment_method,
        payments.payment_reference,
        payments.currency,

        -- numerics
        payments.payment_amount::numeric(20, 4) as payment_amount,
        payments.contributions_amount::numeric(20, 4) as contributions_amount,
        payments.difference_amount::numeric(20, 4) as difference_amount,
        payments.contribution_count,

        -- dates
        payments.period_start_date,
        payments.period_end_date,
        {{ known_month("payments.period_end_date") }} as period_month,
        payments.paid_at
    from payments
    left join agents on payments.receiving_agent_id = agents.agent_id
    where {{ not_demo("payments.receiving_agent_id") }}
)

select * from final

with

payments as (
    select * from {{ ref("outgoing_payment") }}
),

agents as (
    select * from {{ ref("agent") }}
),

final as (
    select
        -- ids
        payments.receiving_agent_id,
        payments.payment_source_id,
        payments.tier,
        payments.contributing_agent_id,
        payments.currency,
        receivers.agent_key,

        -- strings
        receivers.full_name as receiver_name,
        contributors.full_name as contributor_name,
        payments.payment_status,
        payments.payment_method,

        -- numerics
        payments.payout_amount::numeric(20, 4) as payout_amount,
        payments.contribution_count,

        -- dates
        payments.period_start_date,
        payments.period_end_date,
        {{ known_month("payments.period_end_date") }} as period_month,
        payments.paid_at
    from payments
    left join agents as receivers
        on payments.receiving_agent_id = receivers.agent_id
    left join agents as contributors
        on payments.contributing_agent_id = contributors.agent_id
    where {{ not_demo("payments.receiving_agent_id") }}
)

select * from final

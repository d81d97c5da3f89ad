with

contributions as (
    select * from {{ ref("contribution") }}
    where contribution_status = 'PENDING'
),

final as (
    select
        receiving_agent_id,
        contribution_source_id,
        contributing_agent_id,
        transaction_id,
        currency,
        pending_reason,
        tier,
        payout_amount,
        earned_date,
        {{ reporting_today() }} - earned_date as days_pending
    from contributions
)

select * from final

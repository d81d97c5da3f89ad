with

contributions as (
    select * from {{ ref("contribution") }}
    where contribution_status = 'PENDING'
),

final as (
    select
        -- ids
        contribution_id,
        receiving_agent_id,
        contribution_source_id,
        contributing_agent_id,
        transaction_id,

        -- strings
        currency,
        pending_reason as pending_reason_source,
        -- the vendor pays about the 15th of the month after the closing
        coalesce(
            pending_reason,
            case
                when
                    earned_month
                    < date_trunc('month', {{ reporting_today() }})::date
                    - interval '1 month'
                    then 'OVERDUE'
                else 'AWAITING_PAYMENT'
            end
        ) as pending_reason,

        -- numerics
        tier as tier_at_contribution,
        tier,
        payout_amount,
        base_amount,
        {{ reporting_today() }} - earned_date as days_pending,

        -- dates
        earned_date,
        case
            when earned_month > '{{ var("unknown_date") }}'::date
                then (earned_month + interval '1 month 14 days')::date
        end as expected_payment_date
    from contributions
)

select * from final

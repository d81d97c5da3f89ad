with

contributions as (
    select * from {{ ref("contribution_pending") }}
),

agents as (
    select * from {{ ref("agent") }}
),

final as (
    select
        -- ids
        contributions.contribution_id,
        contributions.receiving_agent_id,
        contributions.contributing_agent_id,
        contributions.transaction_id,
        receivers.agent_key,

        -- strings
        receivers.full_name as receiver_name,
        contributors.full_name as contributor_name,
        contributions.pending_reason,
        contributions.currency,

        -- numerics
        contributions.tier_at_contribution as tier,
        contributions.payout_amount::numeric(20, 4) as payout_amount,
        contributions.days_pending,

        -- dates
        contributions.earned_date,
        {{ known_month("contributions.earned_date") }} as earned_month,
        contributions.expected_payment_date
    from contributions
    left join agents as receivers
        on contributions.receiving_agent_id = receivers.agent_id
    left join agents as contributors
        on contributions.contributing_agent_id = contributors.agent_id
    where {{ not_demo("contributions.receiving_agent_id") }}
)

select * from final

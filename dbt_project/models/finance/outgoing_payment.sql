with

contributions as (
    select * from {{ ref("contribution") }}
    where payment_source_id is not null and not is_missed
),

final as (
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
)

select * from final

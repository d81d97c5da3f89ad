with

contributions as (
    select * from {{ ref("contribution") }}
    where not is_missed
),

totals as (
    select
        receiving_agent_id,
        currency,
        tier,
        count(*) as contribution_count,
        count(distinct contributing_agent_id) as contributor_count,
        sum(payout_amount) as total_amount,
        coalesce(
            sum(payout_amount) filter (where {{ in_current_year("earned_date") }}), 0
        ) as ytd_amount,
        coalesce(
            sum(payout_amount) filter (where {{ in_current_month("earned_date") }}), 0
        ) as mtd_amount,
        coalesce(
            sum(payout_amount) filter (where contribution_status = 'PENDING'), 0
        ) as pending_amount,
        max(earned_date) as last_earned_date
    from contributions
    group by receiving_agent_id, currency, tier
)

select * from totals

with

contributions as (
    select * from {{ ref("contribution") }}
    where contributing_agent_id is not null and not is_missed
),

final as (
    select
        receiving_agent_id,
        contributing_agent_id,
        currency,
        max(contributor_name) as contributor_name,
        -- the tier can change: the one of the latest contribution
        (array_agg(tier order by earned_date desc nulls last, tier))[1] as tier,
        count(*) as contribution_count,
        sum(payout_amount) as total_amount,
        coalesce(
            sum(payout_amount) filter (where {{ in_current_year("earned_date") }}), 0
        ) as ytd_amount,
        min(earned_date) as first_earned_date,
        max(earned_date) as last_earned_date
    from contributions
    group by receiving_agent_id, contributing_agent_id, currency
)

select * from final

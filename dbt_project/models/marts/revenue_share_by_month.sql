with

users as (
    select * from {{ ref("app_user") }}
    where agent_id is not null and {{ demo_filter("is_demo") }}
),

contributions as (
    select
        *,
        case when not is_missed then payout_amount else 0 end as earned_amount,
        case when contribution_status = 'PAID' then payout_amount else 0 end
            as paid_amount,
        case when contribution_status = 'PENDING' then payout_amount else 0 end
            as pending_amount,
        case when is_missed then payout_amount else 0 end as missed_amount
    from {{ ref("contribution") }}
),

final as (
    select
        users.agent_key,
        contributions.earned_month,
        contributions.tier,
        contributions.currency,
        users.agent_id,
        sum(contributions.earned_amount)::numeric(20, 4) as earned_amount,
        sum(contributions.paid_amount)::numeric(20, 4) as paid_amount,
        sum(contributions.pending_amount)::numeric(20, 4) as pending_amount,
        sum(contributions.missed_amount)::numeric(20, 4) as missed_amount,
        count(*) filter (where not contributions.is_missed) as contribution_count,
        count(distinct contributions.contributing_agent_id)
        filter (where not contributions.is_missed) as contributor_count
    from users
    inner join contributions on users.agent_id = contributions.receiving_agent_id
    group by
        users.agent_key, contributions.earned_month, contributions.tier,
        contributions.currency, users.agent_id
)

select * from final

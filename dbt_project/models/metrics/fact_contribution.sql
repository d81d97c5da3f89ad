with

contributions as (
    select * from {{ ref("contribution") }}
),

missed_sums as (
    select * from {{ ref("contribution_missed") }}
),

agents as (
    select * from {{ ref("agent") }}
),

-- most accounts show what was missed as sums; a deal that is in one counts in it only
counted as (
    select
        contributions.receiving_agent_id,
        contributions.contribution_source_id,
        contributions.contributing_agent_id,
        contributions.currency,
        contributions.tier,
        contributions.contribution_status,
        contributions.is_missed,
        1 as contribution_count,
        contributions.payout_amount,
        contributions.earned_month
    from contributions
    left join missed_sums
        on
            contributions.is_missed
            and contributions.receiving_agent_id = missed_sums.receiving_agent_id
            and contributions.contributing_agent_id = missed_sums.contributing_agent_id
            and contributions.tier = missed_sums.tier
            and contributions.currency = missed_sums.currency
            and contributions.earned_month = missed_sums.earned_month
    where missed_sums.receiving_agent_id is null

    union all

    select
        receiving_agent_id,
        concat_ws(
            ':', 'missed', contributing_agent_id, tier, currency, earned_month
        ) as contribution_source_id,
        contributing_agent_id,
        currency,
        tier,
        'MISSED' as contribution_status,
        true as is_missed,
        -- a sum of deals without ids is of one at least
        greatest(contribution_count, 1) as contribution_count,
        missed_amount as payout_amount,
        earned_month
    from missed_sums
),

final as (
    select
        -- ids
        counted.receiving_agent_id as agent_id,
        counted.contribution_source_id,
        {{ or_unknown("agents.team_id") }} as team_id,
        counted.contributing_agent_id,
        case
            when not counted.is_missed then counted.contributing_agent_id
        end as earning_contributor_id,
        counted.currency,

        -- numerics
        counted.tier,
        (not counted.is_missed)::int as contributions,
        counted.is_missed::int * counted.contribution_count as missed_contributions,
        {%- for name, condition in {
            "earned": "not counted.is_missed",
            "paid": "counted.contribution_status = 'PAID'",
            "pending": "counted.contribution_status = 'PENDING'",
            "missed": "counted.is_missed",
        }.items() %}
        case when {{ condition }} then counted.payout_amount else 0 end
            as {{ name }}_amount,
        {%- endfor %}

        -- dates
        counted.earned_month as period_month
    from counted
    left join agents on counted.receiving_agent_id = agents.agent_id
    where {{ not_demo("counted.receiving_agent_id") }}
)

select * from final

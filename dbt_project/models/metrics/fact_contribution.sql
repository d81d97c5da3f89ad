with

contributions as (
    select * from {{ ref("contribution") }}
),

agents as (
    select * from {{ ref("agent") }}
),

final as (
    select
        -- ids
        contributions.receiving_agent_id as agent_id,
        contributions.contribution_source_id,
        {{ or_unknown("agents.team_id") }} as team_id,
        contributions.contributing_agent_id,
        case
            when not contributions.is_missed then contributions.contributing_agent_id
        end as earning_contributor_id,
        contributions.currency,

        -- numerics
        contributions.tier,
        (not contributions.is_missed)::int as contributions,
        contributions.is_missed::int as missed_contributions,
        {%- for name, condition in {
            "earned": "not contributions.is_missed",
            "paid": "contributions.contribution_status = 'PAID'",
            "pending": "contributions.contribution_status = 'PENDING'",
            "missed": "contributions.is_missed",
        }.items() %}
        case when {{ condition }} then contributions.payout_amount else 0 end
            as {{ name }}_amount,
        {%- endfor %}

        -- dates
        contributions.earned_month as period_month
    from contributions
    left join agents on contributions.receiving_agent_id = agents.agent_id
    where {{ not_demo("contributions.receiving_agent_id") }}
)

select * from final

with

contributors as (
    select * from {{ ref("contributor") }}
),

totals as (
    select * from {{ ref("network_contribution") }}
),

agents as (
    select * from {{ ref("agent") }}
),

final as (
    select
        -- ids
        contributors.receiving_agent_id,
        contributors.contributing_agent_id,
        contributors.currency,
        receivers.agent_key,

        -- strings
        receivers.full_name as receiver_name,
        coalesce(people.full_name, contributors.contributor_name)
            as contributor_name,

        -- numerics
        contributors.tier,
        contributors.contribution_count,
        contributors.total_amount::numeric(20, 4) as total_amount,
        contributors.ytd_amount::numeric(20, 4) as ytd_amount,
        contributors.contributor_rank,
        totals.comparable_amount::numeric(20, 4) as comparable_amount,
        totals.vendor_amount::numeric(20, 4) as vendor_amount,
        totals.difference_amount::numeric(20, 4) as difference_amount,

        -- dates
        contributors.first_earned_date,
        contributors.last_earned_date
    from contributors
    left join totals
        on
            contributors.receiving_agent_id = totals.owner_agent_id
            and contributors.contributing_agent_id = totals.member_agent_id
            and contributors.currency = totals.currency
    left join agents as receivers
        on contributors.receiving_agent_id = receivers.agent_id
    left join agents as people
        on contributors.contributing_agent_id = people.agent_id
    where {{ not_demo("contributors.receiving_agent_id") }}
)

select * from final

with

members as (
    select * from {{ ref("network_member") }}
),

agents as (
    select * from {{ ref("agent") }}
),

recruits as (
    select * from {{ ref("network_recruit") }}
),

final as (
    select
        -- ids
        members.owner_agent_id,
        members.member_agent_id,
        owners.agent_key as owner_agent_key,
        people.agent_key as member_agent_key,
        members.sponsor_agent_id,

        -- strings
        owners.full_name as owner_name,
        concat_ws(' ', members.first_name, members.last_name) as member_name,
        sponsors.full_name as sponsor_name,
        members.member_status,
        recruits.recruitment_stage,
        members.sponsorship_type,
        members.country,
        members.state_code,
        members.cap_currency,
        members.cap_provenance,
        members.contribution_currency,

        -- numerics
        members.tier,
        members.network_size::bigint as network_size,
        members.cap_amount::numeric(20, 4) as cap_amount,
        members.cap_paid_amount::numeric(20, 4) as cap_paid_amount,
        case
            when members.cap_amount > 0
                then round(members.cap_paid_amount / members.cap_amount, 4)
        end::numeric(20, 4) as cap_paid_rate,
        members.contribution_amount::numeric(20, 4) as contribution_amount,
        members.vendor_contribution_amount::numeric(20, 4)
            as vendor_contribution_amount,

        -- booleans
        members.is_active,
        members.is_capped,
        members.is_elite,
        members.is_unlocking,
        members.is_tier_locked,
        members.has_left,
        members.has_other_currency,

        -- dates
        members.join_date,
        members.anniversary_date,
        members.terminated_date,
        members.unlocking_expiry_date
    from members
    left join agents as owners on members.owner_agent_id = owners.agent_id
    left join agents as people on members.member_agent_id = people.agent_id
    left join agents as sponsors on members.sponsor_agent_id = sponsors.agent_id
    left join recruits
        on
            members.owner_agent_id = recruits.owner_agent_id
            and members.member_agent_id = recruits.member_agent_id
    where {{ not_demo("members.owner_agent_id") }}
)

select * from final

with

caps as (
    select * from {{ ref("agent_cap_year") }}
),

agents as (
    select * from {{ ref("agent") }}
),

final as (
    select
        -- ids
        caps.agent_id,
        caps.cap_year_start_date,
        agents.agent_key,
        agents.team_id,

        -- strings
        agents.full_name as agent_name,
        {{ or_unknown("caps.currency") }} as currency,
        caps.cap_source,
        caps.paid_source,

        -- numerics
        caps.cap_amount::numeric(20, 4) as cap_amount,
        caps.cap_paid_amount::numeric(20, 4) as cap_paid_amount,
        caps.cap_remaining_amount::numeric(20, 4) as cap_remaining_amount,
        case
            when caps.cap_amount > 0
                then round(caps.cap_paid_amount / caps.cap_amount, 4)
        end::numeric(20, 4) as cap_paid_rate,
        caps.post_cap_fee_amount::numeric(20, 4) as post_cap_fee_amount,
        caps.deal_count,

        -- booleans
        caps.is_current,
        caps.is_capped,
        caps.is_elite,

        -- dates
        caps.cap_year_end_date,
        caps.capped_at
    from caps
    left join agents on caps.agent_id = agents.agent_id
    where {{ not_demo("caps.agent_id") }}
)

select * from final

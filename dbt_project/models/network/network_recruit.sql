with

members as (
    select * from {{ ref("network_member") }}
),

staged as (
    select
        *,
        case
            when member_status = 'REJECTED' then 'rejected'
            when member_status = 'CANDIDATE' then 'candidate'
            when member_status = 'RESURRECTING' then 'returning'
            when has_left then 'left'
            when member_status = 'ACTIVE' then 'active'
            else 'unknown'
        end as recruitment_stage
    from members
),

final as (
    select
        -- ids
        owner_agent_id,
        member_agent_id,

        -- strings
        member_status,
        recruitment_stage,

        -- numerics
        tier,
        case
            when recruitment_stage = 'left' then terminated_date - join_date
            when recruitment_stage = 'active' then {{ reporting_today() }} - join_date
        end as tenure_days,

        -- booleans
        recruitment_stage in ('active', 'left', 'returning') as has_joined,
        recruitment_stage = 'active' as is_active,
        recruitment_stage = 'left' as has_left,

        -- dates
        join_date,
        case
            when recruitment_stage in ('active', 'left', 'returning')
                then {{ known_month("join_date") }}
        end as joined_month,
        terminated_date,
        case
            when recruitment_stage = 'left' then {{ known_month("terminated_date") }}
        end as left_month
    from staged
)

select * from final

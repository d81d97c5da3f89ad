with

members as (
    select * from {{ ref("network_member") }}
),

final as (
    select
        -- ids
        owner_agent_id,
        tier,
        country,
        state_code,

        -- numerics
        count(*) as all_members,
        count(*) filter (where is_active) as active_members,
        count(*) filter (where is_active and is_capped) as capped_members
    from members
    group by owner_agent_id, tier, country, state_code
)

select * from final

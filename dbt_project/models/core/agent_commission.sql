with

readings as (
    select * from {{ ref("stg_rezen__cap_info") }}
),

-- an agent's plan is read through the agent's own account and the leader's
latest as (
    select distinct on (agent_source_id) *
    from readings
    where agent_source_id is not null
    order by agent_source_id, read_date desc, synced_at desc, connection_id
),

final as (
    select
        -- ids
        {{ our_id("rezen", "agent_source_id") }} as agent_id,

        -- strings
        coalesce(currency, 'USD') as currency,

        -- numerics
        real_split_percent,
        leader_split_percent,
        member_split_percent,
        pre_cap_fee_amount,
        post_cap_fee_amount,
        normal_team_lead_annual_cap_amount as team_leader_cap_amount,

        -- booleans
        coalesce(pays_leader_split, false) as pays_leader_split,
        coalesce(is_elite, false) as is_elite,

        -- dates
        read_date
    from latest
)

select * from final

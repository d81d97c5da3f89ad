with

members as (
    select * from {{ ref("stg_rezen__team_members") }}
    where agent_source_id is not null
),

teams as (
    select * from {{ ref("team") }}
),

latest as (
    select distinct on (team_source_id, agent_source_id) *
    from members
    order by
        team_source_id, agent_source_id, synced_at desc, membership_source_id,
        connection_id
),

final as (
    select
        -- ids
        {{ our_id("rezen", "latest.team_source_id") }} as team_id,
        {{ our_id("rezen", "latest.agent_source_id") }} as agent_id,
        latest.membership_source_id,

        -- strings
        latest.agent_status,
        case
            when latest.is_leader then 'LEADER'
            when latest.is_admin then 'ADMIN'
            else 'MEMBER'
        end as team_role,

        -- numerics
        latest.member_split_percent,
        latest.real_cap_amount,

        -- booleans
        latest.is_leader,
        latest.is_admin,
        coalesce(teams.is_flex, false) as is_flex,
        coalesce(
            latest.agent_status = 'ACTIVE' and latest.invitation_status is null, false
        ) as is_active,

        -- dates
        latest.synced_at
    from latest
    left join teams on {{ our_id("rezen", "latest.team_source_id") }} = teams.team_id
)

select * from final

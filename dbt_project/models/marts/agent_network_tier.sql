with

users as (
    select * from {{ ref("app_user") }}
    where agent_id is not null and {{ demo_filter("is_demo") }}
),

sizes as (
    select * from {{ ref("network_size") }}
),

members as (
    select
        owner_agent_id,
        tier,
        count(*) filter (where member_status = 'INACTIVE') as inactive_members,
        count(*) filter (where member_status = 'CANDIDATE') as candidate_members,
        count(*) filter (
            where coalesce(member_status, '') not in ('ACTIVE', 'INACTIVE', 'CANDIDATE')
        ) as other_members,
        count(*) filter (where is_active and is_capped) as capped_members,
        count(*) filter (
            where is_active and join_date > {{ reporting_today() }} - 30
        ) as joined_last_30_days
    from {{ ref("network_member") }}
    group by owner_agent_id, tier
),

final as (
    select
        users.agent_key,
        sizes.tier,
        users.agent_id,
        sizes.active_members::bigint as active_members,
        coalesce(members.inactive_members, 0)::bigint as inactive_members,
        coalesce(members.candidate_members, 0)::bigint as candidate_members,
        coalesce(members.other_members, 0)::bigint as other_members,
        coalesce(members.capped_members, 0)::bigint as capped_members,
        coalesce(members.joined_last_30_days, 0)::bigint as joined_last_30_days,
        sizes.vendor_count
    from users
    inner join sizes on users.agent_id = sizes.owner_agent_id
    left join members
        on
            sizes.owner_agent_id = members.owner_agent_id
            and sizes.tier = members.tier
)

select * from final

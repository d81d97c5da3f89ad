with

members as (
    select * from {{ ref("network_member") }}
),

agents as (
    select * from {{ ref("agent") }}
),

final as (
    select
        -- ids
        members.owner_agent_id as agent_id,
        members.member_agent_id,
        {{ or_unknown("owners.team_id") }} as team_id,

        -- strings
        {{ or_unknown("members.member_status") }} as member_status,
        {{ or_unknown("people.account_country") }} as country,

        -- numerics
        members.tier,
        1 as members,
        members.is_active::int as active_members,
        {%- for status in ["INACTIVE", "CANDIDATE"] %}
        coalesce(members.member_status = '{{ status }}', false)::int
            as {{ status | lower }}_members,
        {%- endfor %}
        (
            coalesce(members.member_status, 'unknown')
            not in ('ACTIVE', 'INACTIVE', 'CANDIDATE')
        )::int as other_members,
        -- who joined has a day of joining or is in a state that only follows it
        (
            members.join_date is not null
            or coalesce(members.member_status in ('ACTIVE', 'INACTIVE'), false)
        )::int as joined_members,
        (
            members.has_left or coalesce(members.member_status = 'INACTIVE', false)
        )::int as left_members,
        (members.is_active and members.is_capped)::int as capped_members,

        -- dates
        members.join_date,
        members.terminated_date
    from members
    left join agents as owners on members.owner_agent_id = owners.agent_id
    left join agents as people on members.member_agent_id = people.agent_id
    where {{ not_demo("members.owner_agent_id") }}
)

select * from final

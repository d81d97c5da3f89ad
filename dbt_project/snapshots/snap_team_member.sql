{% snapshot snap_team_member %}

{{
    config(
        unique_key=["team_id", "agent_id"],
        check_cols=[
            "team_role", "agent_status", "member_split_percent", "real_cap_amount",
            "is_active",
        ],
    )
}}

select
    -- ids
    members.team_id,
    members.agent_id,
    members.membership_source_id,

    -- strings
    agents.full_name as member_name,
    members.team_role,
    members.agent_status,

    -- numerics
    members.member_split_percent,
    members.real_cap_amount,

    -- booleans
    members.is_active
from {{ ref("team_member") }} as members
left join {{ ref("agent") }} as agents on members.agent_id = agents.agent_id

{% endsnapshot %}

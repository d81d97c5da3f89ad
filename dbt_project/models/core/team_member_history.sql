with

versions as (
    select
        *,
        dbt_valid_from as detected_at,
        dbt_is_deleted = 'True' as is_gone,
        lag(dbt_is_deleted = 'True') over members as was_gone,
        lag(team_role) over members as old_team_role,
        min(dbt_valid_from) over (partition by team_id) as first_roster_at
    from {{ ref("snap_team_member") }}
    window members as (partition by team_id, agent_id order by dbt_valid_from)
),

-- who is on the first roster that was read has joined at a time that nobody knows
joined as (
    select
        team_id,
        agent_id,
        member_name,
        'Joined' as change_type,
        null::text as old_value,
        team_role as new_value,
        detected_at
    from versions
    where
        not is_gone
        and coalesce(was_gone, true)
        and detected_at > first_roster_at
),

departures as (
    select
        team_id,
        agent_id,
        member_name,
        'Left' as change_type,
        old_team_role as old_value,
        null::text as new_value,
        detected_at
    from versions
    where is_gone
),

-- a roster that lost everybody at once is not read any more: that tells of nobody
left_behind as (
    select departures.*
    from departures
    where
        exists (
            select 1
            from versions
            where
                versions.team_id = departures.team_id
                and not versions.is_gone
                and versions.detected_at <= departures.detected_at
                and coalesce(versions.dbt_valid_to, 'infinity') > departures.detected_at
        )
),

changed as (
    select
        team_id,
        agent_id,
        member_name,
        attribute as change_type,
        old_value,
        new_value,
        detected_at
    from (
        {{ version_changes(
            "snap_team_member",
            ["team_id", "agent_id"],
            {
                "Role": "team_role",
                "Status": "agent_status",
                "Split": "trim_scale(member_split_percent::numeric)",
                "Cap": "trim_scale(real_cap_amount::numeric)",
            },
            ["member_name"],
        ) }}
    ) as changes
),

final as (
    select * from joined
    union all
    select * from left_behind
    union all
    select * from changed
)

select * from final

with

versions as (
    select
        *,
        dbt_valid_from as detected_at,
        dbt_is_deleted = 'True' as is_gone,
        lag(dbt_is_deleted = 'True') over members as was_gone,
        min(dbt_valid_from) over (partition by owner_agent_id) as first_look_at
    from {{ ref("snap_network_member") }}
    window members as (
        partition by owner_agent_id, member_agent_id order by dbt_valid_from
    )
),

complete_readings as (
    select
        connections.agent_id as owner_agent_id,
        marks.finished_at
    from {{ ref("stg_rezen__sync_marks") }} as marks
    inner join {{ ref("connection") }} as connections
        on marks.connection_id = connections.connection_id
    where
        marks.entity = 'down_line'
        and marks.is_complete
        and connections.agent_id is not null
),

first_readings as (
    select
        owner_agent_id,
        min(finished_at) as finished_at
    from complete_readings
    group by owner_agent_id
),

-- absence counts only if a reading that saw everybody came after the last sight
absent as (
    select
        versions.owner_agent_id,
        versions.member_agent_id,
        versions.member_name,
        versions.tier,
        'Left' as change_type,
        versions.member_status as value_old,
        null::text as value_new,
        'absence' as provenance,
        versions.detected_at
    from versions
    where
        versions.is_gone
        and versions.terminated_date is null
        and exists (
            select 1
            from complete_readings
            where
                complete_readings.owner_agent_id = versions.owner_agent_id
                and complete_readings.finished_at > versions.synced_at
                and complete_readings.finished_at <= versions.detected_at
        )
),

-- the first complete reading shows whoever is there, not who is new
arrived as (
    select
        versions.owner_agent_id,
        versions.member_agent_id,
        versions.member_name,
        versions.tier,
        'New to Network' as change_type,
        null::text as value_old,
        versions.member_status as value_new,
        'vendor' as provenance,
        versions.detected_at
    from versions
    inner join first_readings
        on versions.owner_agent_id = first_readings.owner_agent_id
    where
        not versions.is_gone
        and versions.was_gone is null
        and versions.detected_at > versions.first_look_at
        and versions.synced_at > first_readings.finished_at
),

-- who was missed and shows again is new again
returned as (
    select
        versions.owner_agent_id,
        versions.member_agent_id,
        versions.member_name,
        versions.tier,
        'New to Network' as change_type,
        null::text as value_old,
        versions.member_status as value_new,
        'vendor' as provenance,
        versions.detected_at
    from versions
    where
        not versions.is_gone
        and versions.was_gone
        and exists (
            select 1
            from absent
            where
                absent.owner_agent_id = versions.owner_agent_id
                and absent.member_agent_id = versions.member_agent_id
                and absent.detected_at < versions.detected_at
        )
),

changed as (
    select
        owner_agent_id,
        member_agent_id,
        member_name,
        tier,
        attribute as change_type,
        old_value as value_old,
        new_value as value_new,
        'vendor' as provenance,
        detected_at
    from (
        {{ version_changes(
            "snap_network_member",
            ["owner_agent_id", "member_agent_id"],
            {
                "Status": "member_status",
                "Network Size": "network_size",
                "Join Date": "join_date",
                "Tier moved": "tier",
                "Left": "terminated_date",
            },
            ["member_name", "tier"],
        ) }}
    ) as changes
    -- of departures only the day they are first told: back again shows in the status
    where attribute <> 'Left' or (old_value is null and new_value is not null)
),

final as (
    select * from arrived
    union all
    select * from returned
    union all
    select * from absent
    union all
    select * from changed
)

select * from final

{{ config(**kept_by_key(
    ["fub_account_id", "call_date"],
    row_key=["fub_account_id", "call_date", "connection_id", "user_source_id"],
    indexes=[],
)) }}

{%- set call_date = "coalesce(calls.called_on, '" ~ var("unknown_date") ~ "'::date)" %}

{#- no CTE for all calls: read several times, it would be written to disk each time #}
with

-- another call, or another copy of one, gives its day another number
days as (
    select
        calls.fub_account_id,
        {{ call_date }} as call_date,
        sum(calls.row_version) + hashtextextended({{ made_by() }}, 0) as day_version
    from {{ ref("fub_call") }} as calls
    group by calls.fub_account_id, {{ call_date }}
),
{%- if is_incremental() %}

built as (
    select distinct
        fub_account_id,
        call_date,
        day_version
    from {{ this }}
),

changed as (
    select
        coalesce(days.fub_account_id, built.fub_account_id) as fub_account_id,
        coalesce(days.call_date, built.call_date) as call_date
    from days
    full outer join built
        on
            days.fub_account_id = built.fub_account_id
            and days.call_date = built.call_date
    where days.day_version is distinct from built.day_version
),

-- each day is looked up: as a join, all calls would be read for a few days
changed_calls as (
    select calls.*
    from changed
    cross join lateral (
        select *
        from {{ ref("fub_call") }} as calls_of_day
        where
            calls_of_day.fub_account_id = changed.fub_account_id
            and calls_of_day.called_on = changed.call_date
        offset 0
    ) as calls

    union all

    select calls.*
    from changed
    inner join {{ ref("fub_call") }} as calls
        on changed.fub_account_id = calls.fub_account_id
    where
        changed.call_date = '{{ var("unknown_date") }}'::date
        and calls.called_on is null
),
{%- endif %}

-- a call counts once for each connection that shows it
final as (
    select
        calls.fub_account_id,
        {{ call_date }} as call_date,
        viewers.connection_id,
        coalesce(calls.user_source_id, 'unknown') as user_source_id,
        max(calls.user_name) as user_name,
        max(calls.agent_id) as caller_agent_id,
        count(*) as calls,
        count(*) filter (where calls.direction = 'incoming') as incoming_calls,
        count(*) filter (where calls.direction = 'outgoing') as outgoing_calls,
        count(*) filter (where calls.duration_seconds > 0) as connected_calls,
        sum(calls.duration_seconds)::bigint as duration_seconds,
        count(distinct calls.person_source_id) as people_called,
        max(days.day_version) as day_version,
        max(calls.synced_at) as synced_at
    from {{ "changed_calls" if is_incremental() else ref("fub_call") }} as calls
    inner join days
        on
            calls.fub_account_id = days.fub_account_id
            and {{ call_date }} = days.call_date
    cross join lateral unnest(calls.seen_by) as viewers (connection_id)
    group by
        calls.fub_account_id, {{ call_date }}, viewers.connection_id,
        coalesce(calls.user_source_id, 'unknown')
)

{{ kept_rows("final", ["fub_account_id", "call_date"]) }}

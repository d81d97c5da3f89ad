with

users as (
    select * from {{ ref("app_user") }}
    where {{ demo_filter("is_demo") }}
),

connections as (
    select * from {{ ref("connection") }}
    where vendor = 'fub'
),

calls as (
    select * from {{ ref("fub_call") }}
),

final as (
    select
        users.agent_key,
        calls.fub_account_id,
        coalesce(calls.user_source_id, 'unknown') as user_source_id,
        coalesce(calls.called_on, '{{ var("unknown_date") }}'::date) as call_date,
        max(calls.user_name) as user_name,
        max(calls.agent_id) as caller_agent_id,
        count(*) as calls,
        count(*) filter (where calls.direction = 'incoming') as incoming_calls,
        count(*) filter (where calls.direction = 'outgoing') as outgoing_calls,
        count(*) filter (where calls.duration_seconds > 0) as connected_calls,
        sum(calls.duration_seconds)::bigint as duration_seconds,
        count(distinct calls.person_source_id) as people_called
    from calls
    cross join lateral unnest(calls.seen_by) as viewers (connection_id)
    inner join connections on viewers.connection_id = connections.connection_id
    inner join users on connections.agent_key = users.agent_key
    group by
        users.agent_key,
        calls.fub_account_id,
        coalesce(calls.user_source_id, 'unknown'),
        coalesce(calls.called_on, '{{ var("unknown_date") }}'::date)
)

select * from final

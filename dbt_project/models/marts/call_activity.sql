with

users as (
    select * from {{ ref("app_user") }}
    where {{ demo_filter("is_demo") }}
),

connections as (
    select * from {{ ref("connection") }}
    where vendor = 'fub'
),

days as (
    select * from {{ ref("int_calls__daily") }}
),

final as (
    select
        users.agent_key,
        days.fub_account_id,
        days.user_source_id,
        days.call_date,
        days.user_name,
        days.caller_agent_id,
        days.calls,
        days.incoming_calls,
        days.outgoing_calls,
        days.connected_calls,
        days.duration_seconds,
        days.people_called
    from days
    inner join connections on days.connection_id = connections.connection_id
    inner join users on connections.agent_key = users.agent_key
)

select * from final

with

users as (
    select * from {{ ref("stg_control__agents") }}
),

connections as (
    select
        agent_key,
        min(agent_id) as agent_id,
        min(fub_account_id) as fub_account_id,
        min(account_currency) filter (where vendor = 'rezen') as account_currency,
        bool_or(vendor = 'rezen') as has_rezen,
        bool_or(vendor = 'fub') as has_fub
    from {{ ref("connection") }}
    group by agent_key
),

agents as (
    select * from {{ ref("agent") }}
),

joined as (
    select
        coalesce(users.agent_key, connections.agent_key) as agent_key,
        coalesce(
            connections.agent_id, {{ our_id("rezen", "users.rezen_agent_source_id") }}
        ) as agent_id,
        connections.fub_account_id,
        connections.account_currency,
        connections.has_rezen,
        connections.has_fub,
        users.display_name,
        users.email,
        users.agent_key_status,
        users.is_demo,
        users.created_at
    from users
    full outer join connections on users.agent_key = connections.agent_key
),

final as (
    select
        -- ids
        joined.agent_key,
        joined.agent_id,
        agents.team_id,
        joined.fub_account_id,

        -- strings
        coalesce(joined.display_name, agents.full_name) as display_name,
        lower(coalesce(joined.email, agents.email)) as email,
        joined.agent_key_status as user_status,
        coalesce(agents.account_currency, joined.account_currency, 'USD')
            as account_currency,

        -- booleans
        coalesce(joined.is_demo, false) as is_demo,
        coalesce(joined.has_rezen, false) as has_rezen,
        coalesce(joined.has_fub, false) as has_fub,

        -- dates
        joined.created_at
    from joined
    left join agents on joined.agent_id = agents.agent_id
)

select * from final

with

registered as (
    select * from {{ ref("stg_control__connections") }}
),

agent_keys as (
    select * from {{ ref("stg_control__agents") }}
),

rezen_agents as (
    select distinct on (connection_id)
        connection_id,
        agent_source_id,
        account_country
    from {{ ref("stg_rezen__agents") }}
    order by connection_id, synced_at desc, agent_source_id
),

fub_identities as (
    select distinct on (connection_id)
        connection_id,
        account_source_id,
        sees_all
    from {{ ref("stg_fub__identities") }}
    order by connection_id, synced_at desc, account_source_id
),

-- a connection that is no longer registered may still have rows in raw
connection_ids as (
    select connection_id from registered
    union
    select connection_id from rezen_agents
    union
    select connection_id from fub_identities
),

named as (
    select
        connection_ids.connection_id,
        coalesce(
            registered.agent_key, split_part(connection_ids.connection_id, ':', 1)
        ) as agent_key,
        coalesce(
            registered.vendor, split_part(connection_ids.connection_id, ':', 2)
        ) as vendor,
        registered.account_source_id,
        registered.connection_status
    from connection_ids
    left join registered
        on connection_ids.connection_id = registered.connection_id
),

joined as (
    select
        named.connection_id,
        named.agent_key,
        named.vendor,
        named.connection_status,
        case
            when named.vendor = 'rezen' then
                {{ our_id("rezen", "coalesce(
                    rezen_agents.agent_source_id,
                    agent_keys.rezen_agent_source_id,
                    named.account_source_id
                )") }}
        end as agent_id,
        case
            when named.vendor = 'fub' then
                {{ our_id("fub", "coalesce(
                    fub_identities.account_source_id,
                    named.account_source_id,
                    named.connection_id
                )") }}
        end as fub_account_id,
        coalesce(
            {{ currency_of_country("rezen_agents.account_country") }}, 'USD'
        ) as account_currency,
        coalesce(fub_identities.sees_all, false) as sees_whole_account
    from named
    left join agent_keys on named.agent_key = agent_keys.agent_key
    left join rezen_agents on named.connection_id = rezen_agents.connection_id
    left join fub_identities on named.connection_id = fub_identities.connection_id
)

select * from joined

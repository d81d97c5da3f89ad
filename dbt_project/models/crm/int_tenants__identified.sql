with

connections as (
    select * from {{ ref("connection") }}
    where vendor = 'lofty'
),

identities as (
    select distinct on (connection_id)
        connection_id,
        account_source_id,
        is_whole_account
    from {{ ref("stg_lofty__accounts") }}
    order by connection_id, synced_at desc, user_source_id
),

users as (
    select * from {{ ref("app_user") }}
),

-- a connection that is no longer registered may still have rows in raw
named as (
    select
        coalesce(connections.connection_id, identities.connection_id) as connection_id,
        coalesce(
            connections.agent_key, split_part(identities.connection_id, ':', 1)
        ) as agent_key,
        identities.account_source_id,
        coalesce(identities.is_whole_account, false) as is_whole_account
    from connections
    full outer join identities
        on connections.connection_id = identities.connection_id
),

-- Lofty sends no currency: it is the one of the agent's country
final as (
    select
        named.connection_id,
        named.agent_key,
        named.account_source_id,
        {{ our_id("lofty", "coalesce(named.account_source_id, named.connection_id)") }}
            as lofty_account_id,
        coalesce(users.account_currency, 'USD') as account_currency,
        named.is_whole_account
    from named
    left join users on named.agent_key = users.agent_key
)

select * from final

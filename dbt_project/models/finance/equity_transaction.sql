with

owners as (
    select
        connection_id,
        agent_id,
        account_currency
    from {{ ref("connection") }}
    where agent_id is not null
),

staged as (
    select * from {{ ref("stg_rezen__equity_transactions") }}
),

latest as (
    select distinct on (owners.agent_id, staged.equity_transaction_source_id)
        staged.*,
        owners.agent_id,
        owners.account_currency
    from staged
    inner join owners on staged.connection_id = owners.connection_id
    order by
        owners.agent_id, staged.equity_transaction_source_id, staged.synced_at desc,
        staged.connection_id
),

final as (
    select
        -- ids
        agent_id,
        equity_transaction_source_id,
        {{ our_id("rezen", "transaction_source_id") }} as transaction_id,

        -- strings
        grant_type,
        equity_type,
        equity_status,
        coalesce(currency, price_currency, account_currency) as currency,

        -- numerics
        shares,
        price_amount,
        value_amount,

        -- booleans
        bool_or(equity_type = 'VEST') over (
            partition by agent_id, grant_type
        ) as is_vested_by_own_row,

        -- dates
        transaction_date,
        vesting_date,
        expiration_date
    from latest
)

select * from final

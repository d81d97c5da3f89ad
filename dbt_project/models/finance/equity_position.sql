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
    select * from {{ ref("stg_rezen__equity_positions") }}
),

latest as (
    select distinct on (owners.agent_id)
        staged.*,
        owners.agent_id,
        owners.account_currency
    from staged
    inner join owners on staged.connection_id = owners.connection_id
    order by owners.agent_id, staged.synced_at desc, staged.connection_id
),

final as (
    select
        agent_id,
        coalesce(currency, account_currency) as currency,
        share_price_currency,
        total_shares,
        vested_shares,
        unvested_shares,
        total_value_amount,
        share_price_amount,
        coalesce(is_stock_plan_member, false) as is_stock_plan_member,
        valued_at
    from latest
)

select * from final

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
    select * from {{ ref("stg_rezen__equity_years") }}
),

latest as (
    select distinct on (owners.agent_id, staged.period_year)
        staged.*,
        owners.agent_id,
        owners.account_currency
    from staged
    inner join owners on staged.connection_id = owners.connection_id
    order by
        owners.agent_id, staged.period_year, staged.synced_at desc, staged.connection_id
),

final as (
    select
        agent_id,
        period_year,
        coalesce(currency, account_currency) as currency,
        total_shares,
        vested_shares,
        unvested_shares,
        total_value_amount,
        granted_shares,
        newly_vested_shares,
        exercised_shares,
        forfeited_shares
    from latest
)

select * from final

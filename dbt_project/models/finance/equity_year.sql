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

ledger as (
    select * from {{ ref("equity_transaction") }}
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
        latest.agent_id,
        latest.period_year,
        coalesce(latest.currency, latest.account_currency) as currency,
        latest.total_shares,
        latest.vested_shares,
        latest.unvested_shares,
        latest.total_value_amount,
        latest.granted_shares,
        latest.newly_vested_shares,
        latest.exercised_shares,
        latest.forfeited_shares,
        holdings.total_shares as ledger_total_shares,
        holdings.vested_shares as ledger_vested_shares
    from latest
    cross join lateral (
        {{ ledger_holding(
            "ledger",
            "make_date(latest.period_year::int, 12, 31)"
        ) }}
    ) as holdings
)

select * from final

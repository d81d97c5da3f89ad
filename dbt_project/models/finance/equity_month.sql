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
    select * from {{ ref("stg_rezen__equity_months") }}
),

ledger as (
    select * from {{ ref("equity_transaction") }}
),

latest as (
    select distinct on (owners.agent_id, staged.period_year, staged.period_month)
        staged.*,
        owners.agent_id,
        owners.account_currency
    from staged
    inner join owners on staged.connection_id = owners.connection_id
    order by
        owners.agent_id, staged.period_year, staged.period_month,
        staged.synced_at desc, staged.connection_id
),

final as (
    select
        latest.agent_id,
        latest.period_year,
        latest.period_month,
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
            "make_date(latest.period_year::int, latest.period_month::int, 1)"
            ~ " + interval '1 month - 1 day'"
        ) }}
    ) as holdings
)

select * from final

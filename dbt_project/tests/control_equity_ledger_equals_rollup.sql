{{ config(severity="warn") }}

-- months and years come from the vendor, not from the ledger: both must tell the same
with

periods as (
    select
        agent_id,
        period_year,
        period_month,
        total_shares,
        vested_shares,
        ledger_total_shares,
        ledger_vested_shares
    from {{ ref("equity_month") }}

    union all

    select
        agent_id,
        period_year,
        null as period_month,
        total_shares,
        vested_shares,
        ledger_total_shares,
        ledger_vested_shares
    from {{ ref("equity_year") }}
)

select *
from periods
where
    total_shares <> ledger_total_shares
    or vested_shares <> ledger_vested_shares

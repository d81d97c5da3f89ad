-- months, quarters and years are cut from the same deals as all time
with

boards as (
    select
        period_kind,
        deal_status,
        currency,
        sum(units) as units,
        sum(volume_amount) as volume_amount,
        sum(gci_amount) as gci_amount
    from {{ ref("leaderboard") }}
    where
        scope_kind = 'company'
        and period_kind in ('all_time', 'year', 'quarter', 'month')
    group by period_kind, deal_status, currency
),

base as (
    select
        deal_status,
        currency,
        sum(closed_units + pending_units) as units,
        sum(volume_amount + pending_volume_amount) as volume_amount,
        sum(gci_amount + pending_gci_amount) as gci_amount
    from {{ ref("fact_transaction") }}
    where deal_status in ('closed', 'pending') and agent_id <> 'unknown'
    group by deal_status, currency

    union all

    select
        'active' as deal_status,
        currency,
        sum(active_listings) as units,
        sum(active_list_volume_amount) as volume_amount,
        null::numeric as gci_amount
    from {{ ref("fact_listing") }}
    where active_listings > 0 and agent_id <> 'unknown'
    group by currency
),

expected as (
    select
        kinds.period_kind,
        base.*
    from base
    cross join (
        values ('all_time'), ('year'), ('quarter'), ('month')
    ) as kinds (period_kind)
)

select *
from (
    select * from expected
    except
    select * from boards
) as lost
union all
select *
from (
    select * from boards
    except
    select * from expected
) as invented

{{ config(severity="warn") }}

-- contributions are the source; the vendor's totals per tier and month only check them,
-- for the months that have been read
with

vendor_totals as (
    select
        connections.agent_id as receiving_agent_id,
        coalesce(tiers.currency, connections.account_currency) as currency,
        tiers.tier,
        tiers.window_start_date,
        tiers.window_end_date,
        max(tiers.revshare_amount) as vendor_amount
    from {{ ref("stg_rezen__revshare_tiers") }} as tiers
    inner join {{ ref("connection") }} as connections
        on tiers.connection_id = connections.connection_id
    where connections.agent_id is not null
    group by
        connections.agent_id,
        coalesce(tiers.currency, connections.account_currency),
        tiers.tier,
        tiers.window_start_date,
        tiers.window_end_date
),

compared as (
    select
        vendor_totals.receiving_agent_id,
        vendor_totals.currency,
        vendor_totals.tier,
        vendor_totals.window_start_date,
        vendor_totals.vendor_amount,
        coalesce(sum(contributions.payout_amount), 0) as our_amount
    from vendor_totals
    left join {{ ref("contribution") }} as contributions
        on
            vendor_totals.receiving_agent_id = contributions.receiving_agent_id
            and vendor_totals.currency = contributions.currency
            and vendor_totals.tier = contributions.tier
            and contributions.earned_date between vendor_totals.window_start_date
            and vendor_totals.window_end_date
            and not contributions.is_missed
    group by
        vendor_totals.receiving_agent_id,
        vendor_totals.currency,
        vendor_totals.tier,
        vendor_totals.window_start_date,
        vendor_totals.vendor_amount
)

select *
from compared
where vendor_amount <> our_amount

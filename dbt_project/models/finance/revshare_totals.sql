with

contributions as (
    select * from {{ ref("contribution") }}
    where not is_missed
),

receivers as (
    select
        connection_id,
        agent_id,
        account_currency
    from {{ ref("connection") }}
    where agent_id is not null
),

totals as (
    select
        receiving_agent_id,
        currency,
        tier,
        count(*) as contribution_count,
        count(distinct contributing_agent_id) as contributor_count,
        sum(payout_amount) as total_amount,
        coalesce(
            sum(payout_amount) filter (where {{ in_current_year("earned_date") }}), 0
        ) as ytd_amount,
        coalesce(
            sum(payout_amount) filter (where {{ in_current_month("earned_date") }}), 0
        ) as mtd_amount,
        coalesce(
            sum(payout_amount) filter (where contribution_status = 'PENDING'), 0
        ) as pending_amount,
        max(earned_date) as last_earned_date
    from contributions
    group by receiving_agent_id, currency, tier
),

-- two connections of one agent tell the same month; the later reading holds
vendor_months as (
    select distinct on (
        receivers.agent_id, tiers.tier, tiers.window_start_date, tiers.currency
    )
        receivers.agent_id as receiving_agent_id,
        tiers.tier,
        coalesce(tiers.currency, receivers.account_currency) as currency,
        tiers.window_start_date,
        tiers.revshare_amount,
        tiers.is_unlocked
    from {{ ref("stg_rezen__revshare_tiers") }} as tiers
    inner join receivers on tiers.connection_id = receivers.connection_id
    order by
        receivers.agent_id, tiers.tier, tiers.window_start_date, tiers.currency,
        tiers.synced_at desc, tiers.connection_id
),

vendor_totals as (
    select
        receiving_agent_id,
        currency,
        tier,
        sum(revshare_amount) as vendor_total_amount,
        coalesce(
            sum(revshare_amount)
            filter (where {{ in_current_year("window_start_date") }}),
            0
        ) as vendor_ytd_amount,
        coalesce(
            sum(revshare_amount)
            filter (where {{ in_current_month("window_start_date") }}),
            0
        ) as vendor_mtd_amount,
        (array_agg(is_unlocked order by window_start_date desc))[1] as is_unlocked
    from vendor_months
    group by receiving_agent_id, currency, tier
),

-- a tier that only one of the two tells shows all the same, unless it holds nothing
final as (
    select
        coalesce(totals.receiving_agent_id, vendor_totals.receiving_agent_id)
            as receiving_agent_id,
        coalesce(totals.currency, vendor_totals.currency) as currency,
        coalesce(totals.tier, vendor_totals.tier)::smallint as tier,
        coalesce(totals.contribution_count, 0) as contribution_count,
        coalesce(totals.contributor_count, 0) as contributor_count,
        coalesce(totals.total_amount, 0) as total_amount,
        coalesce(totals.ytd_amount, 0) as ytd_amount,
        coalesce(totals.mtd_amount, 0) as mtd_amount,
        coalesce(totals.pending_amount, 0) as pending_amount,
        vendor_totals.vendor_total_amount,
        vendor_totals.vendor_ytd_amount,
        vendor_totals.vendor_mtd_amount,
        coalesce(totals.total_amount, 0) - vendor_totals.vendor_total_amount
            as difference_amount,
        vendor_totals.is_unlocked,
        totals.last_earned_date
    from totals
    full outer join vendor_totals
        on
            totals.receiving_agent_id = vendor_totals.receiving_agent_id
            and totals.currency = vendor_totals.currency
            and totals.tier = vendor_totals.tier
    where totals.tier is not null or vendor_totals.vendor_total_amount <> 0
)

select * from final

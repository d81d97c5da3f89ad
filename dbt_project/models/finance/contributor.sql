with

contributions as (
    select * from {{ ref("contribution") }}
    where contributing_agent_id is not null and not is_missed
),

receivers as (
    select
        connection_id,
        agent_id,
        account_currency
    from {{ ref("connection") }}
    where agent_id is not null
),

-- the vendor's list per tier and month; two connections of one agent tell the same
vendor_rows as (
    select distinct on (
        receivers.agent_id, staged.contributor_source_id, staged.tier,
        staged.window_start_date
    )
        receivers.agent_id as receiving_agent_id,
        {{ our_id("rezen", "staged.contributor_source_id") }} as contributing_agent_id,
        coalesce(staged.currency, receivers.account_currency) as currency,
        staged.total_payout_amount,
        staged.is_capped,
        staged.window_start_date
    from {{ ref("stg_rezen__revshare_contributors") }} as staged
    inner join receivers on staged.connection_id = receivers.connection_id
    order by
        receivers.agent_id, staged.contributor_source_id, staged.tier,
        staged.window_start_date, staged.synced_at desc, staged.connection_id
),

vendor_totals as (
    select
        receiving_agent_id,
        contributing_agent_id,
        currency,
        sum(total_payout_amount) as vendor_total_amount,
        (array_agg(is_capped order by window_start_date desc))[1] as is_capped
    from vendor_rows
    group by receiving_agent_id, contributing_agent_id, currency
),

totals as (
    select
        receiving_agent_id,
        contributing_agent_id,
        currency,
        max(contributor_name) as contributor_name,
        -- the tier can change: the one of the latest contribution
        (array_agg(tier order by earned_date desc nulls last, tier))[1] as tier,
        count(*) as contribution_count,
        sum(payout_amount) as total_amount,
        coalesce(
            sum(payout_amount) filter (where {{ in_current_year("earned_date") }}), 0
        ) as ytd_amount,
        min(earned_date) as first_earned_date,
        max(earned_date) as last_earned_date
    from contributions
    group by receiving_agent_id, contributing_agent_id, currency
),

final as (
    select
        totals.*,
        rank() over (
            partition by totals.receiving_agent_id, totals.currency
            order by totals.total_amount desc
        ) as contributor_rank,
        vendor_totals.vendor_total_amount,
        vendor_totals.is_capped
    from totals
    left join vendor_totals
        on
            totals.receiving_agent_id = vendor_totals.receiving_agent_id
            and totals.contributing_agent_id = vendor_totals.contributing_agent_id
            and totals.currency = vendor_totals.currency
)

select * from final

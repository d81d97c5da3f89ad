with

connections as (
    select
        connection_id,
        agent_id,
        account_currency
    from {{ ref("connection") }}
    where agent_id is not null
),

contributions as (
    select * from {{ ref("contribution") }}
    where contributing_agent_id is not null and not is_missed
),

-- an agent who is read twice has each window twice
vendor_windows as (
    select distinct on (
        connections.agent_id,
        windows.contributor_source_id,
        windows.tier,
        windows.window_start_date
    )
        connections.agent_id as owner_agent_id,
        {{ our_id("rezen", "windows.contributor_source_id") }} as member_agent_id,
        coalesce(windows.currency, connections.account_currency) as currency,
        windows.total_payout_amount
    from {{ ref("stg_rezen__revshare_contributors") }} as windows
    inner join connections on windows.connection_id = connections.connection_id
    where windows.contributor_source_id is not null
    order by
        connections.agent_id, windows.contributor_source_id, windows.tier,
        windows.window_start_date, windows.synced_at desc
),

-- the months that the vendor was asked about, with or without contributors
windows_read as (
    select
        connections.agent_id as owner_agent_id,
        min(windows.window_start_date) as first_date,
        max(windows.window_end_date) as last_date
    from {{ ref("stg_rezen__revshare_tiers") }} as windows
    inner join connections on windows.connection_id = connections.connection_id
    group by connections.agent_id
),

vendor_totals as (
    select
        owner_agent_id,
        member_agent_id,
        currency,
        sum(total_payout_amount) as vendor_amount
    from vendor_windows
    group by owner_agent_id, member_agent_id, currency
),

our_totals as (
    select
        contributions.receiving_agent_id as owner_agent_id,
        contributions.contributing_agent_id as member_agent_id,
        contributions.currency,
        count(*) as contribution_count,
        sum(contributions.payout_amount) as contribution_amount,
        coalesce(
            sum(contributions.payout_amount) filter (
                where {{ in_current_year("contributions.earned_date") }}
            ), 0
        ) as ytd_amount,
        coalesce(
            sum(contributions.payout_amount) filter (
                where contributions.earned_date between windows_read.first_date
                and windows_read.last_date
            ), 0
        ) as comparable_amount,
        max(contributions.earned_date) as last_earned_date
    from contributions
    left join windows_read
        on contributions.receiving_agent_id = windows_read.owner_agent_id
    group by
        contributions.receiving_agent_id,
        contributions.contributing_agent_id,
        contributions.currency
),

final as (
    select
        -- ids
        coalesce(our_totals.owner_agent_id, vendor_totals.owner_agent_id)
            as owner_agent_id,
        coalesce(our_totals.member_agent_id, vendor_totals.member_agent_id)
            as member_agent_id,
        coalesce(our_totals.currency, vendor_totals.currency) as currency,

        -- numerics
        coalesce(our_totals.contribution_count, 0) as contribution_count,
        coalesce(our_totals.contribution_amount, 0) as contribution_amount,
        coalesce(our_totals.ytd_amount, 0) as ytd_amount,
        coalesce(our_totals.comparable_amount, 0) as comparable_amount,
        vendor_totals.vendor_amount,
        coalesce(vendor_totals.vendor_amount, 0)
        - coalesce(our_totals.comparable_amount, 0) as difference_amount,

        -- dates
        our_totals.last_earned_date
    from our_totals
    full outer join vendor_totals
        on
            our_totals.owner_agent_id = vendor_totals.owner_agent_id
            and our_totals.member_agent_id = vendor_totals.member_agent_id
            and our_totals.currency = vendor_totals.currency
)

select * from final

with

receivers as (
    select
        connection_id,
        agent_id,
        account_currency
    from {{ ref("connection") }}
    where agent_id is not null
),

staged as (
    select * from {{ ref("stg_rezen__revshare_window_contributions") }}
    where is_missed
),

-- one agent's accounts show the same rows
latest as (
    select distinct on (
        receivers.agent_id, staged.tier, staged.contributor_source_id, staged.row_key
    )
        staged.*,
        receivers.agent_id as receiving_agent_id,
        receivers.account_currency
    from staged
    inner join receivers on staged.connection_id = receivers.connection_id
    order by
        receivers.agent_id, staged.tier, staged.contributor_source_id, staged.row_key,
        staged.synced_at desc, staged.connection_id
),

dated as (
    select
        *,
        {{ our_id("rezen", "contributor_source_id") }} as contributing_agent_id,
        coalesce(currency, account_currency) as payout_currency,
        coalesce(tier, 0)::smallint as contribution_tier,
        {{ known_month("coalesce(earned_date, window_start_date)") }} as earned_month
    from latest
),

final as (
    select
        receiving_agent_id,
        contributing_agent_id,
        contribution_tier as tier,
        payout_currency as currency,
        earned_month,
        max(contributor_name) as contributor_name,
        max(missed_reason) as missed_reason,
        {{ missed_cause("max(missed_reason)") }} as missed_cause,
        count(contribution_source_id) as contribution_count,
        sum(payout_amount) as missed_amount,
        sum(base_amount) as base_amount
    from dated
    group by
        receiving_agent_id, contributing_agent_id, contribution_tier, payout_currency,
        earned_month
)

select * from final

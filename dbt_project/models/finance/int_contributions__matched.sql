with

expectations as (
    select * from {{ ref("revshare_expected") }}
),

contributions as (
    select * from {{ ref("contribution") }}
),

missed_months as (
    select * from {{ ref("contribution_missed") }}
),

-- several rows of one deal and tier are one answer of the vendor; a row without a deal
-- is an answer of its own
answered as (
    select
        receiving_agent_id,
        contributing_agent_id,
        coalesce(transaction_id, 'contribution:' || contribution_source_id)
            as transaction_id,
        tier,
        currency,
        count(*) as contribution_count,
        sum(payout_amount) filter (where not is_missed) as payout_amount,
        coalesce(sum(payout_amount) filter (where contribution_status = 'PAID'), 0)
            as paid_amount,
        coalesce(sum(payout_amount) filter (where contribution_status = 'PENDING'), 0)
            as listed_pending_amount,
        bool_and(is_missed) as is_missed,
        max(missed_reason) as missed_reason,
        min(earned_date) as earned_date
    from contributions
    group by
        receiving_agent_id, contributing_agent_id,
        coalesce(transaction_id, 'contribution:' || contribution_source_id), tier,
        currency
),

matched as (
    select
        coalesce(expectations.receiving_agent_id, answered.receiving_agent_id)
            as receiving_agent_id,
        coalesce(
            expectations.contributing_agent_id,
            answered.contributing_agent_id,
            'unknown'
        ) as contributing_agent_id,
        coalesce(expectations.transaction_id, answered.transaction_id)
            as transaction_id,
        coalesce(expectations.tier, answered.tier) as tier,
        coalesce(expectations.currency, answered.currency) as currency,
        expectations.basis,
        expectations.base_amount,
        expectations.vendor_base_amount,
        expectations.revshare_percent,
        expectations.sponsor_share_percent,
        expectations.co_sponsor_percent,
        coalesce(expectations.path_count, 1) as path_count,
        coalesce(expectations.pool_factor, 1) as pool_factor,
        coalesce(expectations.full_formula_amount, 0) as full_formula_amount,
        coalesce(expectations.formula_amount, 0) as formula_amount,
        coalesce(expectations.expected_amount, 0) as expected_amount,
        coalesce(expectations.payable_amount, 0) as payable_amount,
        expectations.receiving_agent_id is not null as is_expected,
        coalesce(expectations.is_counted, true) as is_counted,
        coalesce(expectations.is_deal_visible, false) as is_deal_visible,
        coalesce(expectations.is_contributor_connected, false)
            as is_contributor_connected,
        coalesce(expectations.is_path_known, false) as is_path_known,
        coalesce(expectations.is_receiver_producing, true) as is_receiver_producing,
        coalesce(expectations.is_tier_open, true) as is_tier_open,
        answered.receiving_agent_id is not null as is_answered,
        coalesce(answered.contribution_count, 0) as contribution_count,
        answered.payout_amount,
        coalesce(answered.paid_amount, 0) as paid_amount,
        coalesce(answered.listed_pending_amount, 0) as listed_pending_amount,
        coalesce(answered.is_missed, false) as is_missed,
        answered.missed_reason,
        coalesce(expectations.earned_date, answered.earned_date) as earned_date
    from expectations
    full outer join answered
        on
            expectations.receiving_agent_id = answered.receiving_agent_id
            and expectations.contributing_agent_id = answered.contributing_agent_id
            and expectations.transaction_id = answered.transaction_id
            and expectations.tier = answered.tier
            and expectations.currency = answered.currency
),

-- the same deal and tier in another currency: neither amount explains the other
currencies as (
    select
        *,
        count(*) over (
            partition by
                receiving_agent_id, contributing_agent_id, transaction_id, tier
        ) > 1 as has_other_currency,
        {{ known_month("earned_date") }} as earned_month
    from matched
),

-- the vendor flags who is capped in the cap year of today
flagged as (
    select member_agent_id as agent_id
    from {{ ref("network_member") }}
    where is_capped

    union

    select {{ our_id("rezen", "contributor_source_id") }} as agent_id
    from {{ ref("stg_rezen__revshare_contributors") }}
    where is_capped
),

cap_years as (
    select
        agent_id,
        cap_year_start_date
    from {{ ref("int_caps__resolved") }}
    where is_current_year
),

-- what was missed comes as a sum per agent and month at most accounts
final as (
    select
        currencies.*,
        coalesce(
            case
                when currencies.is_missed
                    then {{ missed_cause("currencies.missed_reason") }}
            end,
            case when not currencies.is_answered then missed_months.missed_cause end
        ) as missed_cause,
        coalesce(
            flagged.agent_id is not null
            and currencies.earned_date >= cap_years.cap_year_start_date,
            false
        ) as is_contributor_flagged_capped
    from currencies
    left join flagged on currencies.contributing_agent_id = flagged.agent_id
    left join cap_years on currencies.contributing_agent_id = cap_years.agent_id
    left join missed_months
        on
            currencies.receiving_agent_id = missed_months.receiving_agent_id
            and currencies.contributing_agent_id = missed_months.contributing_agent_id
            and currencies.tier = missed_months.tier
            and currencies.currency = missed_months.currency
            and currencies.earned_month = missed_months.earned_month
)

select * from final

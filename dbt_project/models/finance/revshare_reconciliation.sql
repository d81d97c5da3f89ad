{%- set causes = [
    "capped_contributor", "yearly_maximum", "locked_tier", "missed", "pool_limit",
    "co_sponsor", "other_base", "currency", "deal_not_visible", "rounding", "pending",
    "unknown",
] -%}

with

explained as (
    select * from {{ ref("int_contributions__explained") }}
),

missed_months as (
    select * from {{ ref("contribution_missed") }}
),

paths as (
    select * from {{ ref("int_sponsors__descended") }}
),

tiers as (
    select * from {{ ref("revshare_tier") }}
),

by_deal as (
    select
        receiving_agent_id,
        coalesce(contributing_agent_id, 'unknown') as contributing_agent_id,
        transaction_id,
        tier,
        currency,
        earned_month,
        earned_date,
        'deal' as reconciled_by,
        coalesce(basis, 'none') as basis,
        full_formula_amount as formula_amount,
        expected_amount,
        payable_amount,
        coalesce(payout_amount, 0) as vendor_amount,
        {%- for cause in causes %}
        {{ cause }}_amount as {{ cause }}_difference,
        {%- endfor %}
        paid_amount
    from explained
),

-- of a month's missed sum, the deals above are part; the rest is of deals nobody shows
missed_deals as (
    select
        receiving_agent_id,
        contributing_agent_id,
        tier,
        currency,
        earned_month,
        sum(base_amount) as base_amount,
        sum(expected_amount) as expected_amount
    from explained
    where missed_cause is not null and expected_amount > 0
    group by
        receiving_agent_id, contributing_agent_id, tier, currency, earned_month
),

missed_rest as (
    select
        missed_months.*,
        coalesce(
            round(
                (missed_months.base_amount - coalesce(missed_deals.base_amount, 0))
                * tiers.revshare_percent / 100
                * case
                    when paths.is_co_sponsored then tiers.co_sponsor_percent / 100
                    else 1
                end,
                2
            ),
            missed_months.missed_amount - coalesce(missed_deals.expected_amount, 0)
        )::numeric(20, 4) as formula_amount
    from missed_months
    left join missed_deals
        on
            missed_months.receiving_agent_id = missed_deals.receiving_agent_id
            and missed_months.contributing_agent_id
            = missed_deals.contributing_agent_id
            and missed_months.tier = missed_deals.tier
            and missed_months.currency = missed_deals.currency
            and missed_months.earned_month = missed_deals.earned_month
    left join paths
        on
            missed_months.receiving_agent_id = paths.receiving_agent_id
            and missed_months.contributing_agent_id = paths.contributing_agent_id
            and missed_months.tier = paths.tier
    left join tiers
        on
            missed_months.tier = tiers.tier
            and missed_months.currency = tiers.currency
            and missed_months.earned_month between tiers.effective_from
            and coalesce(tiers.effective_to, 'infinity'::date)
),

by_month as (
    select
        receiving_agent_id,
        contributing_agent_id,
        'month:' || to_char(earned_month, 'YYYY-MM') as transaction_id,
        tier,
        currency,
        earned_month,
        earned_month as earned_date,
        'month' as reconciled_by,
        'vendor_base' as basis,
        formula_amount,
        formula_amount as expected_amount,
        formula_amount as payable_amount,
        0::numeric as vendor_amount,
        {%- for cause in causes %}
        -formula_amount * (missed_cause = '{{ cause }}')::int as {{ cause }}_difference,
        {%- endfor %}
        0::numeric as paid_amount
    from missed_rest
    where formula_amount > {{ var("revshare_rounding_amount") }}
),

combined as (
    select * from by_deal
    union all
    select * from by_month
),

final as (
    select
        combined.*,
        {{ as_money("paid_amount - formula_amount") }} as difference_amount,
        -- the cause of the largest part; the columns above have all of them
        (
            select largest.cause
            from (
                values
                {%- for cause in causes %}
                ({{ loop.index }}, '{{ cause }}', {{ cause }}_difference)
                {{- "," if not loop.last }}
                {%- endfor %}
            ) as largest (place, cause, part)
            where largest.part <> 0
            order by abs(largest.part) desc, largest.place
            limit 1
        ) as cause
    from combined
)

select * from final

with

shares as (
    select * from {{ ref("int_shares__settled") }}
    where gross_amount > 0
),

paths as (
    select * from {{ ref("int_sponsors__descended") }}
),

tiers as (
    select * from {{ ref("revshare_tier") }}
),

-- several rows of one deal, tier and currency are one expectation
stated as (
    select
        receiving_agent_id,
        contributing_agent_id,
        transaction_id,
        tier,
        coalesce(base_currency, currency) as currency,
        max(base_amount) as base_amount,
        min(earned_date) as earned_date,
        min(earned_at) as earned_at,
        count(*) as row_count
    from {{ ref("contribution") }}
    where
        transaction_id is not null
        and contributing_agent_id is not null
        and base_amount is not null
    group by
        receiving_agent_id, contributing_agent_id, transaction_id, tier,
        coalesce(base_currency, currency)
),

-- a deal that some account shows is expected at every receiver above
from_deals as (
    select
        paths.receiving_agent_id,
        paths.contributing_agent_id,
        shares.transaction_id,
        paths.tier,
        shares.currency
    from shares
    inner join paths on shares.agent_id = paths.contributing_agent_id
    where shares.provenance = 'deal'
),

keys as (
    select * from from_deals

    union

    select
        receiving_agent_id,
        contributing_agent_id,
        transaction_id,
        tier,
        currency
    from stated
),

-- the base is ours where we see all deals of the contributor, else the vendor's
based as (
    select
        keys.*,
        shares.cap_year_start_date,
        shares.gross_amount,
        stated.base_amount as vendor_base_amount,
        coalesce(shares.is_connected, false) as is_contributor_connected,
        coalesce(shares.provenance = 'deal', false) as is_deal_visible,
        coalesce(shares.is_counted, true) as is_counted,
        coalesce(shares.was_capped, false) as was_capped,
        coalesce(stated.earned_date, shares.earned_date) as earned_date,
        coalesce(stated.earned_at, shares.earned_at) as earned_at,
        case
            when shares.provenance = 'deal' and shares.is_connected then 'deal'
            when stated.base_amount is not null then 'vendor_base'
            else 'deal'
        end as basis,
        paths.receiving_agent_id is not null as is_path_known,
        coalesce(paths.is_co_sponsored, false) as is_co_sponsored,
        coalesce(paths.path_count, 1) as path_count,
        shares.base_amount as own_base_amount,
        shares.full_base_amount as own_full_base_amount
    from keys
    left join shares
        on
            keys.contributing_agent_id = shares.agent_id
            and keys.transaction_id = shares.transaction_id
            and keys.currency = shares.currency
    left join stated
        on
            keys.receiving_agent_id = stated.receiving_agent_id
            and keys.contributing_agent_id = stated.contributing_agent_id
            and keys.transaction_id = stated.transaction_id
            and keys.tier = stated.tier
            and keys.currency = stated.currency
    left join paths
        on
            keys.receiving_agent_id = paths.receiving_agent_id
            and keys.contributing_agent_id = paths.contributing_agent_id
            and keys.tier = paths.tier
),

modelled as (
    select
        based.*,
        coalesce(tiers.revshare_percent, other_tiers.revshare_percent)
            as revshare_percent,
        tiers.yearly_max_amount,
        tiers.frontline_needed,
        tiers.tier is not null as is_currency_covered,
        coalesce(tiers.co_sponsor_percent, other_tiers.co_sponsor_percent)
            as co_sponsor_percent,
        case
            when based.is_co_sponsored
                then coalesce(tiers.co_sponsor_percent, other_tiers.co_sponsor_percent)
            else 100
        end as sponsor_share_percent,
        case
            when based.basis = 'vendor_base' then based.vendor_base_amount
            else based.own_base_amount
        end as base_amount,
        case
            when based.basis = 'vendor_base' then based.vendor_base_amount
            else based.own_full_base_amount
        end as full_base_amount
    from based
    left join tiers
        on
            based.tier = tiers.tier
            and based.currency = tiers.currency
            and based.earned_date between tiers.effective_from
            and coalesce(tiers.effective_to, 'infinity'::date)
    -- the model is published in USD: elsewhere its percentages say what is at stake
    left join tiers as other_tiers
        on
            based.tier = other_tiers.tier
            and other_tiers.currency = 'USD'
            and based.earned_date between other_tiers.effective_from
            and coalesce(other_tiers.effective_to, 'infinity'::date)
),

{%- set formula -%}
    path_count * round(
        {base} * revshare_percent / 100 * sponsor_share_percent / 100, 2
    )
{%- endset %}

reckoned as (
    select
        *,
        coalesce(
            {{ formula.replace("{base}", "full_base_amount") }}, 0
        )::numeric(20, 4) as full_formula_amount,
        coalesce(
            {{ formula.replace("{base}", "base_amount") }}, 0
        )::numeric(20, 4) as formula_amount
    from modelled
),

-- the most per receiver, contributor, tier and cap year of the contributor
limited as (
    select
        *,
        coalesce(
            sum(formula_amount) over (
                partition by
                    receiving_agent_id, contributing_agent_id, tier, currency,
                    coalesce(cap_year_start_date, '{{ var("unknown_date") }}'::date)
                order by earned_date, earned_at, transaction_id
                rows between unbounded preceding and 1 preceding
            ),
            0
        ) as formula_before
    from reckoned
),

final as (
    select
        *,
        {{ known_month("earned_date") }} as earned_month,
        case
            when yearly_max_amount is null then formula_amount
            else {{ within_limit(
                "formula_amount", "formula_before", "yearly_max_amount"
            ) }}
        end::numeric(20, 4) as expected_amount
    from limited
)

select * from final

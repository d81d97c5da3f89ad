with

shares as (
    select * from {{ ref("int_shares__rated") }}
),

-- a base that a contribution states is what is left of the gross after the fees
grossed as (
    select
        *,
        case
            when is_counted and deal_number <= brokerage_fee_deals
                then brokerage_fee_rate
            else 0
        end as brokerage_fee_amount
    from shares
),

priced as (
    select
        *,
        coalesce(
            gross_share_amount,
            stated_base_amount + processing_fee_rate + brokerage_fee_amount
        ) as gross_amount
    from grossed
),

split as (
    select
        *,
        case when gross_amount > 0 then processing_fee_rate else 0 end
            as processing_fee_amount,
        case
            when gross_amount > 0
                then round(gross_amount * company_split_percent / 100, 2)
            else 0
        end as full_split_amount
    from priced
),

{%- set so_far = "partition by agent_id, cap_year_start_date, is_counted
            order by earned_date, earned_at, transaction_id
            rows between unbounded preceding and 1 preceding" %}

summed as (
    select
        *,
        coalesce(sum(full_split_amount) over ({{ so_far }}), 0) as split_before,
        coalesce(sum(gross_amount) over ({{ so_far }}), 0) as gross_before,
        coalesce(count(*) over ({{ so_far }}), 0) as deals_before
    from split
),

split_paid as (
    select
        *,
        is_counted and split_before >= cap_amount as was_capped,
        case
            when not is_counted then full_split_amount
            else {{ within_limit("full_split_amount", "split_before", "cap_amount") }}
        end as company_split_amount,
        least(round(post_cap_fee_rate * share_of_deal, 2), full_split_amount)
        * (is_counted and split_before >= cap_amount)::int as usual_fee_amount
    from summed
),

-- Elite comes with enough fees or enough production; whoever was Elite before pays less
fees as (
    select
        *,
        case
            when not was_capped then 0
            when
                (gross_before >= elite_gci_amount and deals_before >= elite_deals)
                or coalesce(sum(usual_fee_amount) over ({{ so_far }}), 0)
                >= elite_post_cap_fees_amount
                then least(round(elite_fee_rate * share_of_deal, 2), full_split_amount)
            else usual_fee_amount
        end as post_cap_fee_amount
    from split_paid
),

netted as (
    select
        *,
        gross_amount - company_split_amount - brokerage_fee_amount
        - processing_fee_amount - post_cap_fee_amount as net_before_stock_amount
    from fees
),

wished as (
    select
        *,
        case
            when not is_stock_plan_member or not is_counted then 0
            when net_before_stock_amount <= 0 then 0
            when was_capped
                then round(net_before_stock_amount * stock_percent_post_cap / 100, 2)
            else round(net_before_stock_amount * stock_percent_pre_cap / 100, 2)
        end as wished_stock_amount,
        coalesce(
            case
                when was_capped then stock_max_post_cap_amount
                else stock_max_pre_cap_amount
            end,
            0
        ) as stock_limit_amount
    from netted
),

stocked as (
    select
        *,
        case
            when not is_counted or company_split_amount <= 0 then 0
            when company_split_amount = full_split_amount then gross_amount
            else round(company_split_amount * 100 / company_split_percent, 2)
        end as split_gross_amount,
        coalesce(
            sum(wished_stock_amount) over (
                partition by agent_id, cap_year_start_date, is_counted, was_capped
                order by earned_date, earned_at, transaction_id
                rows between unbounded preceding and 1 preceding
            ),
            0
        ) as wished_before
    from wished
),

final as (
    select
        -- ids
        agent_id,
        transaction_id,
        cap_year_start_date,

        -- strings
        currency,
        provenance,

        -- numerics
        deal_number,
        cap_amount,
        {{ as_money("gross_amount") }} as gross_amount,
        stated_base_amount,
        {{ as_money("company_split_amount") }} as company_split_amount,
        {{ as_money("brokerage_fee_amount") }} as brokerage_fee_amount,
        {{ as_money("processing_fee_amount") }} as processing_fee_amount,
        {{ as_money("post_cap_fee_amount") }} as post_cap_fee_amount,
        {{ as_money(within_limit(
            "wished_stock_amount", "wished_before", "stock_limit_amount"
        )) }} as stock_amount,
        -- what revenue share would be reckoned on if there were no cap
        {{ as_money(
            "greatest(gross_amount - brokerage_fee_amount - processing_fee_amount, 0)"
        ) }} as full_base_amount,
        -- only the part of the share that paid the split earns revenue share
        greatest(
            split_gross_amount - brokerage_fee_amount - processing_fee_amount, 0
        )::numeric(20, 4) as base_amount,
        split_before + full_split_amount as split_to_date_amount,

        -- booleans
        is_connected,
        is_counted,
        was_capped,

        -- dates
        earned_at,
        earned_date
    from stocked
)

select * from final

with

shares as (
    select * from {{ ref("int_shares__known") }}
),

agents as (
    select
        agent_id,
        coalesce(anniversary_date, join_date) as anchor_date,
        is_connected
    from {{ ref("agent") }}
),

caps as (
    select * from {{ ref("int_caps__resolved") }}
),

stock_holders as (
    select
        agent_id,
        is_stock_plan_member
    from {{ ref("equity_position") }}
),

plans as (
    select * from {{ ref("commission_plan") }}
),

rates as (
    select * from {{ ref("compensation_model") }}
),

-- without an anniversary the calendar year stands in
placed as (
    select
        shares.*,
        coalesce(agents.is_connected, false) as is_connected,
        coalesce(
            {{ cap_year_start("agents.anchor_date", "shares.earned_date") }},
            date_trunc('year', shares.earned_date)::date,
            '{{ var("unknown_date") }}'::date
        ) as cap_year_start_date
    from shares
    left join agents on shares.agent_id = agents.agent_id
),

capped_by as (
    select
        placed.*,
        coalesce(same_year.cap_amount, this_year.cap_amount) as cap_amount,
        coalesce(same_year.currency, this_year.currency) as cap_currency,
        coalesce(stock_holders.is_stock_plan_member, false) as is_stock_plan_member
    from placed
    left join caps as same_year
        on
            placed.agent_id = same_year.agent_id
            and placed.cap_year_start_date = same_year.cap_year_start_date
    left join caps as this_year
        on placed.agent_id = this_year.agent_id and this_year.is_current_year
    left join stock_holders on placed.agent_id = stock_holders.agent_id
),

-- caps and revenue share are reckoned in one currency: another leaves both be
numbered as (
    select
        capped_by.*,
        rates.company_split_percent,
        rates.brokerage_fee_amount as brokerage_fee_rate,
        rates.brokerage_fee_deals,
        rates.processing_fee_amount as processing_fee_rate,
        rates.elite_gci_amount,
        rates.elite_deals,
        rates.elite_post_cap_fees_amount,
        case
            when capped_by.is_lease then rates.post_cap_lease_fee_amount
            else rates.post_cap_fee_amount
        end as post_cap_fee_rate,
        case
            when capped_by.is_lease then rates.post_cap_lease_fee_amount
            else rates.elite_post_cap_fee_amount
        end as elite_fee_rate,
        rates.stock_percent_pre_cap,
        rates.stock_percent_post_cap,
        plans.stock_max_pre_cap_amount,
        plans.stock_max_post_cap_amount,
        coalesce(capped_by.currency = capped_by.cap_currency, false)
        and coalesce(capped_by.gross_share_amount, 1) > 0 as is_counted,
        count(*) filter (
            where
            capped_by.currency = capped_by.cap_currency
            and coalesce(capped_by.gross_share_amount, 1) > 0
        ) over (
            partition by capped_by.agent_id, capped_by.cap_year_start_date
            order by
                capped_by.earned_date, capped_by.earned_at, capped_by.transaction_id
        ) as deal_number
    from capped_by
    left join rates
        on
            capped_by.currency = rates.currency
            and capped_by.earned_date between rates.effective_from
            and coalesce(rates.effective_to, 'infinity'::date)
    left join plans
        on
            capped_by.cap_currency = plans.currency
            and capped_by.cap_amount = plans.annual_cap_amount
)

select * from numbered

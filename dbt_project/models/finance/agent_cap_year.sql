with

caps as (
    select * from {{ ref("int_caps__resolved") }}
),

agents as (
    select
        agent_id,
        coalesce(anniversary_date, join_date) as anchor_date,
        is_connected
    from {{ ref("agent") }}
),

-- what the deals of a connected agent say that was paid
from_deals as (
    select
        agent_id,
        cap_year_start_date,
        max(cap_amount) as cap_amount,
        count(*) as deal_count,
        sum(gross_amount) as gross_amount,
        sum(company_split_amount) as company_split_amount,
        sum(post_cap_fee_amount) as post_cap_fee_amount,
        bool_or(was_capped or split_to_date_amount >= cap_amount) as is_capped,
        min(earned_at) filter (where split_to_date_amount >= cap_amount) as capped_at
    from {{ ref("int_shares__settled") }}
    where is_connected and is_counted
    group by agent_id, cap_year_start_date
),

years as (
    select
        agent_id,
        cap_year_start_date
    from caps

    union

    select
        agent_id,
        cap_year_start_date
    from from_deals
),

-- a year of which nothing is told keeps the cap of today
joined as (
    select
        years.agent_id,
        years.cap_year_start_date,
        coalesce(
            caps.cap_year_end_date,
            (years.cap_year_start_date + interval '1 year')::date
        ) as cap_year_end_date,
        coalesce(caps.currency, 'USD') as currency,
        coalesce(caps.cap_source, 'today') as cap_source,
        coalesce(caps.is_current_year, false) as is_current,
        coalesce(caps.cap_amount, from_deals.cap_amount) as cap_amount,
        caps.team_cap_amount,
        caps.brokerage_cap_amount,
        caps.user_cap_amount,
        caps.cap_paid_amount as vendor_paid_amount,
        from_deals.company_split_amount as deals_paid_amount,
        coalesce(caps.cap_paid_amount, from_deals.company_split_amount, 0)
            as cap_paid_amount,
        case
            when caps.cap_paid_amount is not null then 'vendor'
            when from_deals.agent_id is not null then 'deals'
            else 'unknown'
        end as paid_source,
        from_deals.deal_count,
        from_deals.gross_amount,
        from_deals.post_cap_fee_amount,
        coalesce(caps.is_capped, from_deals.is_capped, false) as is_capped,
        caps.is_elite,
        coalesce(caps.capped_at, from_deals.capped_at) as capped_at,
        caps.read_date
    from years
    left join caps
        on
            years.agent_id = caps.agent_id
            and years.cap_year_start_date = caps.cap_year_start_date
    left join from_deals
        on
            years.agent_id = from_deals.agent_id
            and years.cap_year_start_date = from_deals.cap_year_start_date
),

final as (
    select
        joined.*,
        greatest(joined.cap_amount - joined.cap_paid_amount, 0) as cap_remaining_amount,
        case
            when joined.cap_amount > 0
                then round(joined.cap_paid_amount * 100 / joined.cap_amount, 2)
        end as cap_paid_percent,
        agents.anchor_date as anniversary_date,
        coalesce(agents.is_connected, false) as is_connected
    from joined
    left join agents on joined.agent_id = agents.agent_id
    -- the published default says nothing about a person
    where joined.cap_source <> 'plan' or agents.is_connected
)

select * from final

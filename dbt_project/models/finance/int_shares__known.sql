with

transactions as (
    select
        *,
        coalesce({{ reporting_date("rezen_closed_at") }}, closed_on) as earned_date
    from {{ ref("transaction") }}
    where is_closed
),

splits as (
    select
        transaction_id,
        agent_id,
        currency,
        sum(split_amount) as gross_share_amount
    from {{ ref("commission_split") }}
    where agent_id is not null and split_amount is not null
    group by transaction_id, agent_id, currency
),

financials as (
    select
        transaction_id,
        gross_commission_amount,
        gross_commission_currency
    from {{ ref("transaction_financials") }}
),

from_deals as (
    select
        splits.agent_id,
        splits.transaction_id,
        splits.currency,
        splits.gross_share_amount,
        null::numeric as stated_base_amount,
        case
            when financials.gross_commission_amount > 0
                then splits.gross_share_amount / financials.gross_commission_amount
            else 1
        end as share_of_deal,
        transactions.is_lease,
        transactions.rezen_closed_at as earned_at,
        transactions.earned_date,
        'deal' as provenance
    from splits
    inner join transactions on splits.transaction_id = transactions.transaction_id
    left join financials
        on
            splits.transaction_id = financials.transaction_id
            and splits.currency = financials.gross_commission_currency
),

-- a deal that no account shows is known by the base that a contribution was reckoned on
contributed as (
    select
        contributing_agent_id as agent_id,
        transaction_id,
        coalesce(base_currency, currency) as currency,
        max(base_amount) as stated_base_amount,
        bool_or(coalesce(transaction_type, '') like '%LEASE%') as is_lease,
        min(earned_at) as earned_at,
        min(earned_date) as earned_date
    from {{ ref("contribution") }}
    where
        contributing_agent_id is not null
        and transaction_id is not null
        and base_amount > 0
    group by contributing_agent_id, transaction_id, coalesce(base_currency, currency)
),

combined as (
    select
        coalesce(from_deals.agent_id, contributed.agent_id) as agent_id,
        coalesce(from_deals.transaction_id, contributed.transaction_id)
            as transaction_id,
        coalesce(from_deals.currency, contributed.currency) as currency,
        from_deals.gross_share_amount,
        contributed.stated_base_amount,
        coalesce(from_deals.share_of_deal, 1) as share_of_deal,
        coalesce(from_deals.is_lease, contributed.is_lease) as is_lease,
        coalesce(from_deals.earned_at, contributed.earned_at) as earned_at,
        coalesce(from_deals.earned_date, contributed.earned_date) as earned_date,
        coalesce(from_deals.provenance, 'contribution') as provenance
    from from_deals
    full outer join contributed
        on
            from_deals.agent_id = contributed.agent_id
            and from_deals.transaction_id = contributed.transaction_id
            and from_deals.currency = contributed.currency
)

select * from combined

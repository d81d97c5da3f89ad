with

viewers as (
    select * from {{ ref("transaction_viewer") }}
    where viewer_agent_id is not null and net_payout_amount is not null
),

transactions as (
    select * from {{ ref("transaction") }}
    where is_closed
),

contributions as (
    select * from {{ ref("contribution") }}
    where not is_missed
),

ledger as (
    select * from {{ ref("equity_transaction") }}
    where coalesce(equity_status, '') <> 'CANCELLED' and value_amount is not null
),

types as (
    select * from {{ ref("income_type") }}
),

-- net to the agent whose account shows it, owner or not, on closed deals only
compensation as (
    select distinct on (viewers.viewer_agent_id, viewers.transaction_id)
        'compensation:' || viewers.viewer_agent_id || ':' || viewers.transaction_id
            as income_id,
        viewers.viewer_agent_id as agent_id,
        'transaction' as income_source,
        'NetPayout' as income_type_source,
        viewers.transaction_id,
        null::text as contribution_source_id,
        viewers.net_payout_currency as currency,
        viewers.net_payout_amount as amount,
        'Earned' as income_status,
        case when viewers.is_owner then 'owner' else 'participant' end as participation,
        transactions.closed_on as income_date
    from viewers
    inner join transactions on viewers.transaction_id = transactions.transaction_id
    order by
        viewers.viewer_agent_id, viewers.transaction_id,
        viewers.updated_at desc nulls last, viewers.connection_id
),

revenue_share as (
    select
        'revshare:' || receiving_agent_id || ':' || contribution_source_id as income_id,
        receiving_agent_id as agent_id,
        'contribution' as income_source,
        'Contribution' as income_type_source,
        transaction_id,
        contribution_source_id,
        currency,
        payout_amount as amount,
        case contribution_status when 'PAID' then 'Paid' else 'Pending' end
            as income_status,
        'receiver' as participation,
        earned_date as income_date
    from contributions
),

-- where vesting has rows of its own, its grants are not counted a second time
own_stock as (
    select
        *,
        coalesce(vesting_date, transaction_date) as own_date
    from ledger
    where
        equity_type = 'VEST'
        or (
            equity_type = 'GRANT'
            and equity_status = 'VESTED'
            and not is_vested_by_own_row
        )
    {%- if var("income_counts_stock_purchases") %}
        or equity_type = 'PURCHASE'
        {%- endif %}
),

stock as (
    select
        'equity:' || agent_id || ':' || equity_transaction_source_id as income_id,
        agent_id,
        'equity' as income_source,
        coalesce(grant_type, equity_type) as income_type_source,
        transaction_id,
        null::text as contribution_source_id,
        currency,
        value_amount as amount,
        'Earned' as income_status,
        'holder' as participation,
        own_date as income_date
    from own_stock
),

combined as (
    select * from compensation
    union all
    select * from revenue_share
    union all
    select * from stock
),

final as (
    select
        -- ids
        combined.income_id,
        combined.agent_id,
        combined.transaction_id,
        combined.contribution_source_id,

        -- strings
        coalesce(
            types.income_type,
            case combined.income_source
                when 'transaction' then 'Compensation'
                when 'contribution' then 'RevShare'
                else 'Equity'
            end
        ) as income_type,
        combined.income_type_source,
        combined.income_source,
        combined.income_status,
        combined.participation,
        combined.currency,

        -- numerics
        combined.amount,

        -- dates
        combined.income_date,
        {{ known_month("combined.income_date") }} as income_month
    from combined
    left join types
        on
            combined.income_source = types.income_source
            and combined.income_type_source = types.income_type_source
)

select * from final

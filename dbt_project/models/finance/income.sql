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

equity as (
    select * from {{ ref("equity_transaction") }}
    where equity_type = 'VEST' and coalesce(equity_status, '') <> 'CANCELLED'
),

-- net to the agent whose account shows it, on closed deals only
compensation as (
    select distinct on (viewers.viewer_agent_id, viewers.transaction_id)
        'compensation:' || viewers.viewer_agent_id || ':' || viewers.transaction_id
            as income_id,
        viewers.viewer_agent_id as agent_id,
        'Compensation' as income_type,
        'NetPayout' as income_type_source,
        viewers.transaction_id,
        null::text as contribution_source_id,
        viewers.net_payout_currency as currency,
        viewers.net_payout_amount as amount,
        'Earned' as income_status,
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
        'RevShare' as income_type,
        'Contribution' as income_type_source,
        transaction_id,
        contribution_source_id,
        currency,
        payout_amount as amount,
        case contribution_status when 'PAID' then 'Paid' else 'Pending' end
            as income_status,
        earned_date as income_date
    from contributions
),

vested as (
    select
        'equity:' || agent_id || ':' || equity_transaction_source_id as income_id,
        agent_id,
        'Equity' as income_type,
        coalesce(grant_type, equity_type) as income_type_source,
        transaction_id,
        null::text as contribution_source_id,
        currency,
        value_amount as amount,
        'Earned' as income_status,
        coalesce(vesting_date, transaction_date) as income_date
    from equity
    where value_amount is not null
),

combined as (
    select * from compensation
    union all
    select * from revenue_share
    union all
    select * from vested
),

final as (
    select
        *,
        {{ known_month("income_date") }} as income_month
    from combined
)

select * from final

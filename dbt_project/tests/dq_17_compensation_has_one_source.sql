-- net pay is on the deal, on participants and on the viewer: income takes the viewer's
with

viewers as (
    select distinct on (viewers.viewer_agent_id, viewers.transaction_id)
        viewers.viewer_agent_id as agent_id,
        viewers.transaction_id,
        viewers.net_payout_currency as currency,
        viewers.net_payout_amount as amount
    from {{ ref("transaction_viewer") }} as viewers
    inner join {{ ref("transaction") }} as transactions
        on viewers.transaction_id = transactions.transaction_id
    where
        transactions.is_closed
        and viewers.viewer_agent_id is not null
        and viewers.net_payout_amount is not null
    order by
        viewers.viewer_agent_id, viewers.transaction_id,
        viewers.updated_at desc nulls last, viewers.connection_id
),

compensation as (
    select
        agent_id,
        transaction_id,
        currency,
        amount
    from {{ ref("income") }}
    where income_type = 'Compensation'
)

select
    coalesce(viewers.agent_id, compensation.agent_id) as agent_id,
    coalesce(viewers.transaction_id, compensation.transaction_id) as transaction_id,
    viewers.amount as viewer_amount,
    compensation.amount as income_amount
from viewers
full outer join compensation
    on
        viewers.agent_id = compensation.agent_id
        and viewers.transaction_id = compensation.transaction_id
        and viewers.currency = compensation.currency
where viewers.amount is distinct from compensation.amount

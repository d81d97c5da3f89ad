-- whatever the vendor lists is in the reconciliation, once
with

listed as (
    select
        receiving_agent_id,
        currency,
        sum(payout_amount) as vendor_amount,
        sum(payout_amount) filter (where contribution_status = 'PAID') as paid_amount
    from {{ ref("contribution") }}
    where not is_missed
    group by receiving_agent_id, currency
),

reconciled as (
    select
        receiving_agent_id,
        currency,
        sum(vendor_amount) as vendor_amount,
        sum(paid_amount) as paid_amount
    from {{ ref("revshare_reconciliation") }}
    group by receiving_agent_id, currency
)

select
    coalesce(listed.receiving_agent_id, reconciled.receiving_agent_id)
        as receiving_agent_id,
    listed.vendor_amount as listed_amount,
    reconciled.vendor_amount as reconciled_amount
from listed
full outer join reconciled
    on
        listed.receiving_agent_id = reconciled.receiving_agent_id
        and listed.currency = reconciled.currency
where
    coalesce(listed.vendor_amount, 0) <> coalesce(reconciled.vendor_amount, 0)
    or coalesce(listed.paid_amount, 0) <> coalesce(reconciled.paid_amount, 0)

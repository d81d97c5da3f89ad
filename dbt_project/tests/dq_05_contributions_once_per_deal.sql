{{ config(severity="warn") }}

-- the same deal, tier and amount under two ids looks like a double load; two paths
-- below a co-sponsored agent are the only honest way to it
select
    receiving_agent_id,
    contributing_agent_id,
    transaction_id,
    tier,
    payout_amount,
    count(*) as occurrences
from {{ ref("contribution") }}
where transaction_id is not null
group by
    receiving_agent_id, contributing_agent_id, transaction_id, tier, payout_amount
having count(*) > 1

{{ config(severity="warn") }}

-- the same contribution in two payments is counted once; somebody should ask the vendor
select
    connection_id,
    contribution_source_id,
    count(distinct payment_source_id) as payments
from {{ ref("stg_rezen__revshare_payment_contributions") }}
group by connection_id, contribution_source_id
having count(distinct payment_source_id) > 1

{{ config(severity="warn") }}

-- a payment is the sum of what the vendor lists behind it (contract §12.4)
select
    receiving_agent_id,
    payment_source_id,
    payment_amount,
    contributions_amount
from {{ ref("revshare_payment") }}
where difference_amount <> 0

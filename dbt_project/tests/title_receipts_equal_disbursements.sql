{{ config(severity="warn") }}

-- once an order is disbursed, what came in has gone out
select
    title_order_id,
    received_amount,
    disbursed_amount
from {{ ref("title_order_financials") }}
where not is_escrow_balanced

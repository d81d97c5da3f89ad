{{ config(severity="warn") }}

-- the company split of an agent's own deals adds up to what the vendor says was paid
select
    agent_id,
    cap_year_start_date,
    vendor_paid_amount,
    deals_paid_amount
from {{ ref("agent_cap_year") }}
where is_connected and vendor_paid_amount <> coalesce(deals_paid_amount, 0)

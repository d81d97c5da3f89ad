{{ config(severity="warn") }}

-- what a side owes and what it is credited cancel out, line by line of its column
select
    title_order_id,
    statement_borrower_amount,
    statement_seller_amount
from {{ ref("title_order_financials") }}
where not is_statement_balanced

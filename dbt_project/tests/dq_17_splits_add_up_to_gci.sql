{{ config(severity="warn") }}

-- shares of the gross commission add up to it, to the cent (contract §6.5)
with

splits as (
    select
        transaction_id,
        currency,
        sum(split_amount) as split_amount
    from {{ ref("commission_split") }}
    group by transaction_id, currency
)

select
    splits.transaction_id,
    splits.split_amount,
    financials.gross_commission_amount
from splits
inner join {{ ref("transaction_financials") }} as financials
    on
        splits.transaction_id = financials.transaction_id
        and splits.currency = financials.gross_commission_currency
where splits.split_amount <> financials.gross_commission_amount

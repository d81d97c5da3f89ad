-- a deal's price and commission can be of two currencies: who shows one shows its
-- currency
with

charts as (
    select * from {{ ref("chart_catalog") }}
    where model = 'transactions'
),

amounts as (
    select * from (
        values
        ('price_amount', 'currency'),
        ('gross_commission_amount', 'gross_commission_currency'),
        ('net_payout_amount', 'net_payout_currency')
    ) as pairs (amount, currency)
)

select
    charts.chart_id,
    amounts.amount
from charts
inner join amounts on amounts.amount = any(charts.columns)
where amounts.currency <> all(charts.columns)

with

items as (
    select * from {{ ref("int_items__measured") }}
),

months as (
    select
        mrr_month,
        row_number() over (order by mrr_month) as month_number
    from items
    group by mrr_month
),

paying as (
    select
        mrr_month,
        customer_id,
        currency,
        sum(monthly_amount) as mrr_amount
    from items
    where mrr_class = 'recurring' and monthly_amount > 0
    group by mrr_month, customer_id, currency
),

known as (
    select distinct
        customer_id,
        currency
    from paying
),

-- a month after one with revenue has a row, too: it tells who left
spans as (
    select
        months.mrr_month,
        months.month_number,
        known.customer_id,
        known.currency,
        coalesce(paying.mrr_amount, 0) as mrr_amount
    from known
    cross join months
    left join paying
        on
            months.mrr_month = paying.mrr_month
            and known.customer_id = paying.customer_id
            and known.currency = paying.currency
),

compared as (
    select
        *,
        lag(mrr_amount) over customer_months as previous_mrr_amount,
        max(mrr_amount) over (
            customer_months rows between unbounded preceding and 1 preceding
        ) as highest_before_amount
    from spans
    window
        customer_months as (partition by customer_id, currency order by mrr_month)
),

final as (
    select
        -- ids
        mrr_month,
        customer_id,

        -- strings
        currency,
        case
            when month_number = 1 then 'first_look'
            when previous_mrr_amount = 0 and highest_before_amount = 0 then 'new'
            when previous_mrr_amount = 0 then 'reactivation'
            when mrr_amount = 0 then 'churn'
            when mrr_amount > previous_mrr_amount then 'expansion'
            when mrr_amount < previous_mrr_amount then 'contraction'
            else 'unchanged'
        end as movement,

        -- numerics
        mrr_amount,
        previous_mrr_amount,
        mrr_amount - previous_mrr_amount as change_amount
    from compared
    where mrr_amount > 0 or previous_mrr_amount > 0
)

select * from final

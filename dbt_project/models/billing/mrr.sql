{%- set movements = ["new", "reactivation", "expansion", "contraction", "churn"] -%}

with

items as (
    select * from {{ ref("int_items__measured") }}
),

customers as (
    select * from {{ ref("customer_mrr") }}
),

months as (
    select
        mrr_month,
        max(measured_at) as measured_at,
        row_number() over (order by mrr_month) as month_number
    from items
    group by mrr_month
),

currencies as (
    select distinct currency from items
),

-- a currency of which nothing is left still has its month: it tells who left
spine as (
    select
        months.mrr_month,
        months.measured_at,
        months.month_number,
        currencies.currency
    from months
    cross join currencies
),

measured as (
    select
        mrr_month,
        currency,
        sum(monthly_amount) filter (where mrr_class = 'recurring') as mrr_amount,
        sum(monthly_amount) filter (where mrr_class = 'trial') as trial_amount,
        sum(monthly_amount) filter (where mrr_class = 'paused') as paused_amount,
        count(distinct subscription_id) filter (where mrr_class = 'recurring')
            as subscription_count,
        count(distinct customer_id) filter (where mrr_class = 'recurring')
            as customer_count,
        count(*) filter (where mrr_class = 'recurring' and is_metered)
            as metered_item_count,
        count(*) filter (where mrr_class = 'recurring' and is_unpriced)
            as unpriced_item_count
    from items
    group by mrr_month, currency
),

moved as (
    select
        mrr_month,
        currency,
        {%- for movement in movements %}
        sum(change_amount) filter (where movement = '{{ movement }}')
            as {{ movement }}_amount,
        count(*) filter (where movement = '{{ movement }}')
            as {{ movement }}_customer_count,
        {%- endfor %}
        sum(previous_mrr_amount) as opening_amount
    from customers
    where movement <> 'first_look'
    group by mrr_month, currency
),

final as (
    select
        -- ids
        spine.mrr_month,
        spine.currency,

        -- numerics
        coalesce(measured.mrr_amount, 0) as mrr_amount,
        coalesce(measured.trial_amount, 0) as trial_amount,
        coalesce(measured.paused_amount, 0) as paused_amount,
        case
            when spine.month_number > 1 then coalesce(moved.opening_amount, 0)
        end as opening_amount,
        {%- for movement in movements %}
        case
            when spine.month_number > 1 then coalesce(moved.{{ movement }}_amount, 0)
        end as {{ movement }}_amount,
        case
            when spine.month_number > 1
                then coalesce(moved.{{ movement }}_customer_count, 0)
        end as {{ movement }}_customer_count,
        {%- endfor %}
        coalesce(measured.subscription_count, 0) as subscription_count,
        coalesce(measured.customer_count, 0) as customer_count,
        coalesce(measured.metered_item_count, 0) as metered_item_count,
        coalesce(measured.unpriced_item_count, 0) as unpriced_item_count,

        -- dates
        spine.measured_at
    from spine
    left join measured
        on
            spine.mrr_month = measured.mrr_month
            and spine.currency = measured.currency
    left join moved
        on
            spine.mrr_month = moved.mrr_month
            and spine.currency = moved.currency
)

select * from final

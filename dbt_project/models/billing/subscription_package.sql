with

products as (
    select * from {{ ref("product") }}
    where package_code is not null
),

prices as (
    select * from {{ ref("price") }}
    where package_code is not null and recurring_interval_count = 1
),

plans as (
    select distinct on (package_code) *
    from products
    where product_role = 'plan'
    order by package_code, (not is_active), created_at desc, product_id
),

-- what is on sale now; of two prices the product's default one, else the newest
ranked as (
    select
        prices.*,
        row_number() over (
            partition by
                prices.package_code,
                prices.currency,
                prices.product_role,
                prices.recurring_interval
            order by
                (prices.price_id is distinct from products.default_price_id),
                prices.created_at desc,
                prices.price_id
        ) as offer_number
    from prices
    left join products on prices.product_id = products.product_id
    where prices.is_active and not prices.is_metered
),

offers as (
    select * from ranked
    where offer_number = 1
),

grouped as (
    select
        package_code,
        currency,
        max(unit_amount) filter (
            where product_role = 'plan' and recurring_interval = 'month'
        ) as monthly_price_amount,
        max(unit_amount) filter (
            where product_role = 'plan' and recurring_interval = 'year'
        ) as yearly_price_amount,
        coalesce(
            max(unit_amount) filter (
                where product_role = 'seat' and recurring_interval = 'month'
            ),
            max(seat_price_amount)
        ) as seat_price_amount,
        bool_or(is_tiered) as is_tiered
    from offers
    group by package_code, currency
),

-- seats do not depend on the currency: prices of one may say nothing of them
seats as (
    select
        package_code,
        max(seats_included) as seats_included,
        max(admin_accounts) as admin_accounts
    from {{ ref("price") }}
    where is_active
    group by package_code
),

final as (
    select
        -- ids
        plans.package_code,
        plans.product_id,

        -- strings
        coalesce(grouped.currency, 'unknown') as currency,
        plans.product_name as package_name,
        plans.product_description as package_description,
        plans.tier,
        plans.features,

        -- numerics
        grouped.monthly_price_amount,
        grouped.yearly_price_amount,
        grouped.seat_price_amount,
        seats.seats_included,
        seats.admin_accounts,

        -- booleans
        plans.is_active,
        coalesce(grouped.is_tiered, false) as is_tiered
    from plans
    left join grouped on plans.package_code = grouped.package_code
    left join seats on plans.package_code = seats.package_code
)

select * from final

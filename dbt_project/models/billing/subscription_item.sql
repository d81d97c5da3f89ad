with

subscriptions as (
    {{ newest_copy("stg_stripe__subscriptions", "subscription_source_id") }}
),

items as (
    select * from {{ ref("stg_stripe__subscription_items") }}
),

prices as (
    select * from {{ ref("price") }}
),

products as (
    select * from {{ ref("product") }}
),

priced as (
    select * from {{ ref("int_quantities__priced") }}
),

-- items are replaced as a whole with their subscription: only the copy taken counts
final as (
    select
        -- ids
        {{ our_id("stripe", "items.item_source_id") }} as subscription_item_id,
        items.item_source_id,
        {{ our_id("stripe", "items.subscription_source_id") }} as subscription_id,
        items.subscription_source_id,
        {{ our_id("stripe", "items.price_source_id") }} as price_id,
        {{ our_id("stripe", "items.product_source_id") }} as product_id,

        -- strings
        products.package_code,
        coalesce(products.product_role, 'unknown') as product_role,
        priced.recurring_interval,
        items.currency,

        -- numerics
        items.quantity,
        priced.recurring_interval_count,
        priced.period_amount,
        priced.monthly_amount,
        prices.seats_included,

        -- booleans
        coalesce(priced.is_metered, false) as is_metered,
        priced.monthly_amount is null and not coalesce(priced.is_metered, false)
            as is_unpriced,

        -- dates
        items.period_starts_at,
        items.period_ends_at,
        items.created_at
    from subscriptions
    inner join items
        on
            subscriptions.connection_id = items.connection_id
            and subscriptions.subscription_source_id = items.subscription_source_id
    left join prices on items.price_source_id = prices.price_source_id
    left join products on items.product_source_id = products.product_source_id
    left join priced
        on
            items.price_source_id = priced.price_source_id
            and {{ quantity_key("items.quantity", "items.currency") }}
            = priced.quantity_key
)

select * from final

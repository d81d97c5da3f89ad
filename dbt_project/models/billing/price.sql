with

latest as (
    {{ newest_copy("stg_stripe__prices", "price_source_id") }}
),

products as (
    select * from {{ ref("product") }}
),

final as (
    select
        -- ids
        {{ our_id("stripe", "latest.price_source_id") }} as price_id,
        latest.price_source_id,
        {{ our_id("stripe", "latest.product_source_id") }} as product_id,
        {{ our_id("stripe", json_text("latest.metadata", "seat_price_id")) }}
            as seat_price_id,

        -- strings
        coalesce(latest.price_name, products.product_name) as price_name,
        latest.lookup_key,
        products.package_code,
        products.product_role,
        latest.price_type,
        latest.billing_scheme,
        latest.tiers_mode,
        latest.recurring_interval,
        case
            when latest.recurring_interval is null then latest.price_type
            when latest.recurring_interval_count = 1 then latest.recurring_interval
            else
                latest.recurring_interval_count || ' ' || latest.recurring_interval
                || 's'
        end as frequency,
        latest.usage_type,
        latest.quantity_rounding,
        latest.tax_behavior,
        latest.currency,

        -- numerics
        latest.unit_amount,
        latest.quantity_divisor,
        latest.recurring_interval_count,
        latest.trial_days,
        {{ json_numeric("latest.metadata", "seats_included") }} as seats_included,
        {{ json_numeric("latest.metadata", "admin_accounts") }} as admin_accounts,
        {{ json_numeric("latest.metadata", "price_per_seat") }} as seat_price_amount,

        -- booleans
        coalesce(latest.is_active, false) as is_active,
        coalesce(latest.usage_type = 'metered', false) as is_metered,
        coalesce(latest.billing_scheme = 'tiered', false) as is_tiered,
        latest.is_custom_amount,
        coalesce(latest.is_live, false) as is_live,

        -- dates
        latest.created_at,
        latest.connection_id as read_through_connection_id
    from latest
    left join products on latest.product_source_id = products.product_source_id
)

select * from final

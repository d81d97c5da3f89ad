with

source as (
    select * from {{ ref("stg_stripe__subscriptions") }}
),

items as (
    select
        source.*,
        elements.item,
        elements.item -> 'price' as price,
        {{ currency_code("elements.item -> 'price' ->> 'currency'") }} as price_currency
    from source
    cross join lateral {{ json_elements("source.items") }} as elements (item)
),

renamed as (
    select
        -- ids
        connection_id,
        {{ json_text("item", "id") }} as item_source_id,
        subscription_source_id,
        {{ json_text("price", "id") }} as price_source_id,
        {{ json_text("price", "product") }} as product_source_id,

        -- strings
        {{ json_text("price", "type") }} as price_type,
        {{ json_text("price -> 'recurring'", "interval") }} as recurring_interval,
        {{ json_text("price -> 'recurring'", "usage_type") }} as usage_type,
        coalesce(currency, price_currency) as currency,

        -- json
        item -> 'metadata' as metadata,

        -- numerics
        {{ json_numeric("item", "quantity") }} as quantity,
        case
            when coalesce(currency, price_currency) = price_currency
                then
                    {{
                        stripe_amount(
                            json_numeric("price", ["unit_amount_decimal", "unit_amount"]),
                            "price ->> 'currency'"
                        )
                    }}
        end as unit_amount,
        {{ json_numeric("price -> 'recurring'", "interval_count") }}::integer
            as recurring_interval_count,

        -- dates
        coalesce(
            {{ safe_instant("item ->> 'current_period_start'") }}, period_starts_at
        ) as period_starts_at,
        coalesce({{ safe_instant("item ->> 'current_period_end'") }}, period_ends_at)
            as period_ends_at,
        {{ safe_instant("item ->> 'created'") }} as created_at,

        -- loading
        synced_at
    from items
)

select * from renamed

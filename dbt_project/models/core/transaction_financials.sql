with

deals as (
    select * from {{ ref("int_deals__unified") }}
    where not is_listing
),

final as (
    select
        -- ids
        {{ our_id("rezen", "deal_source_id") }} as transaction_id,

        -- strings
        coalesce(
            price_currency,
            gross_commission_currency,
            currency,
            {{ currency_of_country(json_text("address", "country")) }},
            'USD'
        ) as currency,
        coalesce(price_currency, currency, gross_commission_currency) as price_currency,
        coalesce(gross_commission_currency, currency, price_currency)
            as gross_commission_currency,
        sale_commission_currency,
        listing_commission_currency,

        -- numerics
        price_amount,
        gross_commission_amount,
        sale_commission_amount,
        listing_commission_amount,
        sale_commission_percent,
        listing_commission_percent
    from deals
)

select * from final

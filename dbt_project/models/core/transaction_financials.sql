with

deals as (
    select * from {{ ref("int_deals__unified") }}
    where not is_listing
),

outside as (
    select * from {{ ref("deal") }}
    where
        deal_kind = 'transaction'
        and not is_in_rezen
        and {{ counts_deals_outside_rezen() }}
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

    union all

    select
        transaction_id,
        price_currency as currency,
        price_currency,
        gross_commission_currency,
        null::text as sale_commission_currency,
        null::text as listing_commission_currency,
        price_amount,
        gross_commission_amount,
        null::numeric as sale_commission_amount,
        null::numeric as listing_commission_amount,
        null::numeric as sale_commission_percent,
        null::numeric as listing_commission_percent
    from outside
)

select * from final

with

source as (
    select * from {{ ref("stg_stripe__prices") }}
),

renamed as (
    select
        -- ids
        source.connection_id,
        source.price_source_id,
        elements.position as tier_position,

        -- strings
        source.currency,

        -- numerics
        {{ json_numeric("elements.item", "up_to") }} as up_to_quantity,
        {{
            stripe_amount(
                json_numeric("elements.item", ["unit_amount_decimal", "unit_amount"]),
                "source.currency"
            )
        }} as unit_amount,
        {{
            stripe_amount(
                json_numeric("elements.item", ["flat_amount_decimal", "flat_amount"]),
                "source.currency"
            )
        }} as flat_amount,

        -- loading
        source.synced_at
    from source
    cross join
        lateral {{ json_elements("source.tiers") }}
        with ordinality as elements (item, position)
)

select * from renamed

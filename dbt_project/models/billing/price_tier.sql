with

prices as (
    select * from {{ ref("price") }}
),

tiers as (
    select * from {{ ref("stg_stripe__price_tiers") }}
),

final as (
    select
        -- ids
        prices.price_id,
        tiers.tier_position,

        -- strings
        prices.tiers_mode,
        prices.currency,

        -- numerics
        coalesce(
            lag(tiers.up_to_quantity) over (
                partition by prices.price_id
                order by tiers.tier_position
            ),
            0
        ) as above_quantity,
        tiers.up_to_quantity,
        tiers.unit_amount,
        tiers.flat_amount
    from prices
    inner join tiers
        on
            prices.read_through_connection_id = tiers.connection_id
            and prices.price_source_id = tiers.price_source_id
)

select * from final

with

items as (
    select * from {{ ref("stg_stripe__subscription_items") }}
    where price_source_id is not null
),

versions as (
    select * from {{ ref("snap_stripe_subscription") }}
    where price_source_id is not null
),

prices as (
    select * from {{ ref("price") }}
),

tiers as (
    select * from {{ ref("price_tier") }}
),

currencies as (
    select * from {{ ref("stg_stripe__price_currencies") }}
),

sighted as (
    select
        price_source_id,
        quantity,
        unit_amount,
        currency,
        recurring_interval,
        recurring_interval_count,
        usage_type
    from items

    union all

    select
        price_source_id,
        quantity,
        unit_amount,
        currency,
        recurring_interval,
        recurring_interval_count,
        null::text as usage_type
    from versions
),

-- amount and interval of a price never change; a deleted one is known from its items
quantities as (
    select
        sighted.price_source_id,
        {{ quantity_key("sighted.quantity", "sighted.currency") }} as quantity_key,
        max(sighted.quantity) as quantity,
        coalesce(
            max(prices.unit_amount) filter (
                where coalesce(sighted.currency = prices.currency, true)
            ),
            max(currencies.unit_amount),
            max(sighted.unit_amount)
        ) as unit_amount,
        coalesce(max(sighted.currency), max(prices.currency)) as currency,
        coalesce(max(prices.recurring_interval), max(sighted.recurring_interval))
            as recurring_interval,
        coalesce(
            max(prices.recurring_interval_count), max(sighted.recurring_interval_count)
        ) as recurring_interval_count,
        coalesce(max(prices.usage_type), max(sighted.usage_type)) as usage_type,
        -- tiers are known in the currency that the price is first sold in
        max(prices.price_id) filter (
            where coalesce(sighted.currency = prices.currency, true)
        ) as price_id,
        max(prices.tiers_mode) as tiers_mode,
        coalesce(bool_or(prices.is_tiered), false) as is_tiered,
        case max(prices.quantity_rounding)
            when 'up' then ceil(max(sighted.quantity) / max(prices.quantity_divisor))
            when 'down' then floor(max(sighted.quantity) / max(prices.quantity_divisor))
            else max(sighted.quantity)
        end as billed_quantity
    from sighted
    left join prices on sighted.price_source_id = prices.price_source_id
    left join currencies
        on
            prices.read_through_connection_id = currencies.connection_id
            and prices.price_source_id = currencies.price_source_id
            and sighted.currency = currencies.currency
    group by
        sighted.price_source_id,
        {{ quantity_key("sighted.quantity", "sighted.currency") }}
),

-- volume: the tier that the quantity ends in prices all of it; graduated: each a part
tiered as (
    select
        quantities.price_source_id,
        quantities.quantity_key,
        sum(
            coalesce(tiers.unit_amount, 0)
            * case
                when quantities.tiers_mode = 'volume' then quantities.billed_quantity
                else
                    least(quantities.billed_quantity, tiers.up_to_quantity)
                    - tiers.above_quantity
            end
            + coalesce(tiers.flat_amount, 0)
        ) as amount
    from quantities
    inner join tiers on quantities.price_id = tiers.price_id
    where
        quantities.billed_quantity > tiers.above_quantity
        and (
            quantities.tiers_mode <> 'volume'
            or tiers.up_to_quantity is null
            or quantities.billed_quantity <= tiers.up_to_quantity
        )
    group by quantities.price_source_id, quantities.quantity_key
),

billed as (
    select
        quantities.*,
        coalesce(quantities.usage_type = 'metered', false) as is_metered,
        case
            when quantities.usage_type = 'metered' then null
            when not quantities.is_tiered
                then {{ stripe_rounded(
                    "quantities.unit_amount * quantities.billed_quantity",
                    "quantities.currency"
                ) }}
            when quantities.billed_quantity = 0 then 0
            else {{ stripe_rounded("tiered.amount", "quantities.currency") }}
        end as period_amount
    from quantities
    left join tiered
        on
            quantities.price_source_id = tiered.price_source_id
            and quantities.quantity_key = tiered.quantity_key
),

final as (
    select
        -- ids
        price_source_id,
        quantity_key,

        -- strings
        currency,
        recurring_interval,

        -- numerics
        quantity,
        recurring_interval_count,
        period_amount,
        {{ stripe_rounded(
            "period_amount * case recurring_interval"
            ~ " when 'day' then 365 when 'week' then 52"
            ~ " when 'month' then 12 when 'year' then 1 end"
            ~ " / (12 * coalesce(recurring_interval_count, 1))",
            "currency"
        ) }} as monthly_amount,

        -- booleans
        is_metered
    from billed
)

select * from final

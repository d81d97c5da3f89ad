with

source as (
    select * from {{ ref("stg_stripe__prices") }}
),

renamed as (
    select
        -- ids
        source.connection_id,
        source.price_source_id,

        -- strings
        {{ currency_code("options.key") }} as currency,

        -- numerics
        {{
            stripe_amount(
                json_numeric("options.value", ["unit_amount_decimal", "unit_amount"]),
                "options.key"
            )
        }} as unit_amount,

        -- loading
        source.synced_at
    from source
    cross join
        lateral jsonb_each(
            case
                when jsonb_typeof(source.currency_options) = 'object'
                    then source.currency_options
            end
        ) as options (key, value)
)

select * from renamed

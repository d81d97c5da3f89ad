with

source as (
    {{ live_rows("rezen", "equity_performance") }}
),

renamed as (
    select
        -- ids
        connection_id,
        {{ present('agent_id') }} as agent_source_id,

        -- strings
        {{ currency_code('total_value_currency') }} as currency,
        {{ currency_code('share_price_currency') }} as share_price_currency,

        -- numerics
        total_shares,
        vested_shares,
        unvested_shares,
        total_value_amount,
        share_price_amount,

        -- booleans
        plan @> '{"enrolled": true}'::jsonb as is_stock_plan_member,

        -- dates
        as_of as valued_at,

        -- loading
        _synced_at as synced_at
    from source
)

select * from renamed

with

source as (
    {{ live_rows("rezen", "equity_transactions") }}
),

renamed as (
    select
        -- ids
        connection_id,
        {{ present('id') }} as equity_transaction_source_id,
        {{ present('transaction_id') }} as transaction_source_id,

        -- strings
        {{ present('grant_type') }} as grant_type,
        {{ present('transaction_type') }} as equity_type,
        {{ present('status') }} as equity_status,
        {{ currency_code('value_currency') }} as currency,
        {{ currency_code('price_currency') }} as price_currency,

        -- numerics
        shares,
        price_amount,
        value_amount,

        -- dates
        transaction_date,
        vesting_date,
        expiration_date,
        created_at,
        updated_at,

        -- loading
        _synced_at as synced_at
    from source
)

select * from renamed

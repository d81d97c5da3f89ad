with

source as (
    {{ live_rows("rezen", "revshare_history") }}
),

renamed as (
    select
        -- ids
        connection_id,
        {{ present('month') }} as revshare_month,

        -- strings
        {{ currency_code('amount_currency') }} as currency,

        -- numerics
        amount_amount as revshare_amount,

        -- loading
        _synced_at as synced_at
    from source
)

select * from renamed

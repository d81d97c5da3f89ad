with

source as (
    {{ live_rows("rezen", "revshare_payments") }}
),

renamed as (
    select
        -- ids
        connection_id,
        {{ present('id') }} as payment_source_id,

        -- strings
        {{ present('status') }} as payment_status,
        {{ present('method') }} as payment_method,
        {{ present('reference') }} as payment_reference,
        {{ currency_code('amount_currency') }} as currency,

        -- numerics
        amount_amount as payment_amount,

        -- dates
        period_start as period_start_date,
        period_end as period_end_date,
        paid_at,

        -- loading
        _synced_at as synced_at
    from source
)

select * from renamed

with

source as (
    {{ live_rows("stripe", "customers") }}
),

renamed as (
    select
        -- ids
        connection_id,
        {{ present('id') }} as customer_source_id,
        {{ json_text('metadata', 'user_id') }} as user_source_id,

        -- strings
        lower({{ present('email') }}) as email,
        {{ present('name') }} as customer_name,
        {{ present('tax_exempt') }} as tax_exemption,
        {{ currency_code('currency') }} as currency,

        -- json
        metadata,

        -- numerics
        {{ stripe_amount('balance', 'currency') }} as balance_amount,

        -- booleans
        delinquent as is_delinquent,
        livemode as is_live,

        -- dates
        created as created_at,

        -- loading
        _synced_at as synced_at
    from source
)

select * from renamed

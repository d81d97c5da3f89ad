with

source as (
    {{ live_rows("files", "transactions") }}
),

renamed as (
    select
        -- ids
        connection_id,
        row_key as transaction_key,
        {{ present('transaction_id') }} as transaction_source_id,
        {{ present('mls_number') }} as mls_number,

        -- strings
        {{ present('status') }} as transaction_status,
        {{ present('transaction_type') }} as transaction_type,
        {{ present('side') }} as represented_side,
        {{ present('property_type') }} as property_type,
        {{ present('lead_source') }} as lead_source,
        {{ present('street') }} as street,
        {{ present('unit') }} as unit,
        {{ present('city') }} as city,
        {{ present('county') }} as county,
        {{ present('state') }} as state,
        {{ postal_code('postal_code', 'country') }} as postal_code,
        {{ present('country') }} as country,
        {{ present('buyer_name') }} as buyer_name,
        {{ present('seller_name') }} as seller_name,
        {{ present('agent_name') }} as agent_name,
        lower({{ present('agent_email') }}) as agent_email,
        {{ currency_code('list_price_currency') }} as list_price_currency,
        {{ currency_code('price_currency') }} as price_currency,
        {{ currency_code('gross_commission_currency') }} as gross_commission_currency,
        {{ currency_code('net_commission_currency') }} as net_commission_currency,

        -- json
        _extra as other_columns,

        -- numerics
        list_price_amount,
        price_amount,
        gross_commission_amount,
        net_commission_amount,
        commission_percent,

        -- dates
        listing_date,
        contract_date,
        expected_closing_date,
        closing_date,
        cancelled_date,

        -- loading
        _synced_at as synced_at
    from source
)

select * from renamed

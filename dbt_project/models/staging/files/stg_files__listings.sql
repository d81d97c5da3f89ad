with

source as (
    {{ live_rows("files", "listings") }}
),

renamed as (
    select
        -- ids
        connection_id,
        row_key as listing_key,
        {{ present('listing_id') }} as listing_source_id,
        {{ present('mls_number') }} as mls_number,

        -- strings
        {{ present('status') }} as listing_status,
        {{ present('listing_type') }} as listing_type,
        {{ present('property_type') }} as property_type,
        {{ present('lead_source') }} as lead_source,
        {{ present('street') }} as street,
        {{ present('unit') }} as unit,
        {{ present('city') }} as city,
        {{ present('county') }} as county,
        {{ present('state') }} as state,
        {{ postal_code('postal_code', 'country') }} as postal_code,
        {{ present('country') }} as country,
        {{ present('seller_name') }} as seller_name,
        {{ present('agent_name') }} as agent_name,
        lower({{ present('agent_email') }}) as agent_email,
        {{ currency_code('list_price_currency') }} as list_price_currency,

        -- json
        _extra as other_columns,

        -- numerics
        list_price_amount,
        commission_percent,

        -- dates
        listing_date,
        expiration_date,
        cancelled_date,

        -- loading
        _synced_at as synced_at
    from source
)

select * from renamed

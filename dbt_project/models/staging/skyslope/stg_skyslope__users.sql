with

source as (
    {{ live_rows("skyslope", "users") }}
),

renamed as (
    select
        -- ids
        connection_id,
        {{ present('user_guid') }} as user_source_id,
        {{ present('contact_id') }} as contact_source_id,

        -- strings
        {{ present('first_name') }} as first_name,
        {{ present('last_name') }} as last_name,
        lower({{ present('email') }}) as email,
        {{ present('user_type') }} as user_type,
        {{ present('public_id') }} as public_code,
        {{ present('phone') }} as phone,
        {{ present('alternate_phone') }} as alternate_phone,
        {{ present('street_number') }} as street_number,
        {{ present('street_name') }} as street_name,
        {{ present('city') }} as city,
        {{ present('state') }} as state,
        {{ present('zip_code') }} as postal_code,

        -- loading
        _synced_at as synced_at
    from source
)

select * from renamed

with

source as (
    {{ live_rows("dotloop", "contacts") }}
),

renamed as (
    select
        -- ids
        connection_id,
        {{ present('id') }} as contact_source_id,

        -- strings
        'dotloop' as source_system,
        {{ present('first_name') }} as first_name,
        {{ present('last_name') }} as last_name,
        lower({{ present('email') }}) as email,
        {{ present('home') }} as home_phone,
        {{ present('office') }} as office_phone,
        {{ present('cell') }} as cell_phone,
        {{ present('fax') }} as fax,
        {{ present('address') }} as street,
        {{ present('city') }} as city,
        {{ present('state') }} as state,
        {{ present('zip_code') }} as postal_code,
        {{ present('country') }} as country,

        -- dates
        updated as updated_at,

        -- loading
        _synced_at as synced_at
    from source
)

select * from renamed

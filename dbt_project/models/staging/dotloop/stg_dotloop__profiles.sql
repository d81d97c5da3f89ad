with

source as (
    {{ live_rows("dotloop", "profiles") }}
),

renamed as (
    select
        -- ids
        connection_id,
        {{ present('id') }} as profile_source_id,

        -- strings
        'dotloop' as source_system,
        {{ present('name') }} as profile_name,
        {{ present('type') }} as profile_type,
        {{ present('company') }} as company,
        {{ present('phone') }} as phone,
        {{ present('fax') }} as fax,
        {{ present('address') }} as street,
        {{ present('city') }} as city,
        {{ present('state') }} as state,
        {{ present('zip_code') }} as postal_code,
        {{ present('country') }} as country,

        -- booleans
        "default" as is_default,
        requires_template,
        coalesce(deactivated, false) as is_deactivated,

        -- loading
        _synced_at as synced_at
    from source
)

select * from renamed

with

source as (
    {{ live_rows("dotloop", "accounts") }}
),

renamed as (
    select
        -- ids
        connection_id,
        {{ present('id') }} as account_source_id,
        {{ foreign_id('default_profile_id') }} as default_profile_source_id,

        -- strings
        'dotloop' as source_system,
        {{ present('first_name') }} as first_name,
        {{ present('last_name') }} as last_name,
        lower({{ present('email') }}) as email,

        -- loading
        _synced_at as synced_at
    from source
)

select * from renamed

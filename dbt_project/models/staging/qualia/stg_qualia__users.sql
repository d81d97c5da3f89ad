with

source as (
    {{ live_rows("qualia", "users") }}
),

renamed as (
    select
        -- ids
        connection_id,
        {{ present('id') }} as user_source_id,

        -- strings
        lower({{ present('email') }}) as email,

        -- loading
        _synced_at as synced_at
    from source
)

select * from renamed

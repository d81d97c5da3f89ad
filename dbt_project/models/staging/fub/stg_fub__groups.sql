with

source as (
    {{ live_rows("fub", "groups") }}
),

renamed as (
    select
        -- ids
        connection_id,
        {{ present('id') }} as group_source_id,
        {{ foreign_id('default_user_id') }} as default_user_source_id,
        {{ foreign_id('default_pond_id') }} as default_pond_source_id,

        -- strings
        {{ present('name') }} as group_name,
        {{ present('type') }} as group_type,
        {{ present('distribution') }} as distribution,

        -- json
        users,

        -- numerics
        claim_window as claim_window_seconds,

        -- booleans
        is_primary,

        -- loading
        _synced_at as synced_at
    from source
)

select * from renamed

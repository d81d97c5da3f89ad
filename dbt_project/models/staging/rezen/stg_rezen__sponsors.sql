with

source as (
    {{ live_rows("rezen", "sponsor_tree") }}
),

renamed as (
    select
        -- ids
        connection_id,
        {{ present('id') }} as sponsor_source_id,

        -- strings
        {{ present('first_name') }} as first_name,
        {{ present('last_name') }} as last_name,
        {{ present('status') }} as sponsor_status,

        -- numerics
        level as sponsor_level,

        -- loading
        _synced_at as synced_at
    from source
)

select * from renamed

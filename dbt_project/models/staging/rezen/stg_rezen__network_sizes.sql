with

source as (
    {{ live_rows("rezen", "network_size") }}
),

renamed as (
    select
        -- ids
        connection_id,

        -- numerics
        tier,
        size as vendor_count,

        -- dates
        read_at,

        -- loading
        _synced_at as synced_at
    from source
)

select * from renamed

with

source as (
    {{ live_rows("fub", "ponds") }}
),

renamed as (
    select
        -- ids
        connection_id,
        {{ present('id') }} as pond_source_id,
        {{ foreign_id('user_id') }} as user_source_id,

        -- strings
        {{ present('name') }} as pond_name,

        -- json
        user_ids,

        -- loading
        _synced_at as synced_at
    from source
)

select * from renamed

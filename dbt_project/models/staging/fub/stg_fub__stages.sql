with

source as (
    {{ live_rows("fub", "stages") }}
),

renamed as (
    select
        -- ids
        connection_id,
        {{ present('id') }} as stage_source_id,
        {{ foreign_id('pipeline_id') }} as pipeline_source_id,

        -- strings
        {{ present('name') }} as stage_name,

        -- numerics
        order_weight,
        people_count,

        -- booleans
        is_protected,

        -- loading
        _synced_at as synced_at
    from source
)

select * from renamed

with

source as (
    {{ live_rows("fub", "pipelines") }}
),

renamed as (
    select
        -- ids
        connection_id,
        {{ present('id') }} as pipeline_source_id,

        -- strings
        {{ present('name') }} as pipeline_name,

        -- json
        stages,

        -- numerics
        order_weight,

        -- loading
        _synced_at as synced_at
    from source
)

select * from renamed

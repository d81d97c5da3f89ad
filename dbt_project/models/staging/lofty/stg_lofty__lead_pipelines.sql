with

source as (
    {{ live_rows("lofty", "pipelines") }}
),

renamed as (
    select
        -- ids
        connection_id,
        {{ present('id') }} as stage_source_id,

        -- strings
        {{ present('name') }} as stage_name,

        -- loading
        _synced_at as synced_at
    from source
)

select * from renamed

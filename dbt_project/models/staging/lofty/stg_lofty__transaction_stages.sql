with

source as (
    {{ live_rows("lofty", "transaction_pipelines") }}
),

renamed as (
    select
        -- ids
        connection_id,
        {{ present('transaction_type') }} as transaction_type,
        {{ present('id') }} as transaction_stage_source_id,

        -- strings
        {{ present('name') }} as stage_name,

        -- booleans
        "default" as is_default,

        -- loading
        _synced_at as synced_at
    from source
)

select * from renamed

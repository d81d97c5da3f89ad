with

source as (
    {{ live_rows("lofty", "transaction_fields") }}
),

renamed as (
    select
        -- ids
        connection_id,
        {{ present('id') }} as transaction_field_source_id,

        -- strings
        {{ present('name') }} as field_name,
        {{ present('type') }} as field_type,
        {{ present('params') }} as choices,

        -- loading
        _synced_at as synced_at
    from source
)

select * from renamed

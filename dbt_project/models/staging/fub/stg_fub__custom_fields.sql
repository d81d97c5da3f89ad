with

source as (
    {{ live_rows("fub", "custom_fields") }}
),

renamed as (
    select
        -- ids
        connection_id,
        {{ present('id') }} as custom_field_source_id,

        -- strings
        {{ present('name') }} as field_name,
        {{ present('label') }} as field_label,
        {{ present('type') }} as field_type,

        -- json
        choices,

        -- numerics
        order_weight,

        -- loading
        _synced_at as synced_at
    from source
)

select * from renamed

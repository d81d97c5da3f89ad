with

source as (
    {{ live_rows("lofty", "custom_fields") }}
),

renamed as (
    select
        -- ids
        connection_id,
        {{ present('attribute_name') }} as field_name,

        -- strings
        {{ present('attribute_type') }} as field_type,
        {{ present('value') }} as default_value,
        {{ present('params') }} as choices,

        -- loading
        _synced_at as synced_at
    from source
)

select * from renamed

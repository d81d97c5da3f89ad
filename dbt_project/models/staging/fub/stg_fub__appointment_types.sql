with

source as (
    {{ live_rows("fub", "appointment_types") }}
),

renamed as (
    select
        -- ids
        connection_id,
        {{ present('id') }} as appointment_type_source_id,

        -- strings
        {{ present('name') }} as type_name,

        -- numerics
        order_weight,

        -- loading
        _synced_at as synced_at
    from source
)

select * from renamed

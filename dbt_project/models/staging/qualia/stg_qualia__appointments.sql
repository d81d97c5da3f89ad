with

source as (
    {{ live_rows("qualia", "appointments") }}
),

renamed as (
    select
        -- ids
        connection_id,
        {{ present('order_id') }} as order_source_id,
        position as appointment_position,

        -- strings
        {{ present('type') }} as appointment_type,
        {{ present('event_name') }} as event_name,
        {{ present('guest_instructions') }} as guest_instructions,
        {{ address_columns('address', '') }},

        -- numerics
        duration as duration_minutes,

        -- dates
        start as starts_at,

        -- loading
        _synced_at as synced_at
    from source
)

select * from renamed

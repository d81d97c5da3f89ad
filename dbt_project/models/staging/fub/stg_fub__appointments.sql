with

source as (
    {{ live_rows("fub", "appointments") }}
),

renamed as (
    select
        -- ids
        connection_id,
        {{ present('id') }} as appointment_source_id,
        nullif({{ foreign_id('created_by_id') }}, '-1') as created_by_user_source_id,
        {{ foreign_id('type_id') }} as appointment_type_source_id,
        {{ foreign_id('outcome_id') }} as appointment_outcome_source_id,

        -- strings
        {{ present('title') }} as title,
        {{ present('location') }} as location,
        {{ present('timezone') }} as timezone,
        {{ present('type') }} as type_name,
        {{ present('outcome') }} as outcome_name,

        -- json
        invitees,

        -- booleans
        all_day as is_all_day,
        origin_fub as is_from_fub,

        -- dates
        start as starts_at,
        "end" as ends_at,
        created as created_at,
        updated as updated_at,

        -- loading
        _synced_at as synced_at
    from source
)

select * from renamed

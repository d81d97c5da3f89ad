with

source as (
    {{ live_rows("lofty", "appointments") }}
),

renamed as (
    select
        -- ids
        connection_id,
        {{ present('id') }} as appointment_source_id,
        {{ lofty_id('lead_id') }} as lead_source_id,
        {{ lofty_id('assign_to_uid') }} as assigned_user_source_id,
        {{ lofty_id('creator_id') }} as creator_user_source_id,

        -- strings
        {{ present('descr') }} as description,
        {{ present('address') }} as location,

        -- booleans
        all_day as is_all_day,
        finish_flag as is_finished,
        overdue as is_overdue,
        coalesce(delete_flag, false) as is_deleted,

        -- dates
        deadline as starts_at,
        end_time as ends_at,
        finish_time as finished_at,
        create_time as created_at,
        last_update as updated_at,

        -- loading
        _synced_at as synced_at
    from source
)

select * from renamed

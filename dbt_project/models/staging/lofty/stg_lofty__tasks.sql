with

source as (
    {{ live_rows("lofty", "tasks") }}
),

renamed as (
    select
        -- ids
        connection_id,
        {{ present('id') }} as task_source_id,
        {{ lofty_id('lead_id') }} as lead_source_id,
        {{ lofty_id('creator_id') }} as creator_user_source_id,
        {{ lofty_id('assigned_user_id') }} as assigned_user_source_id,

        -- strings
        {{ present('type') }} as task_type,
        {{ present('subject') }} as subject,
        {{ present('assigned_role') }} as assigned_role,
        {{ present('assigned_user') }} as assigned_user_name,

        -- booleans
        finish_flag as is_finished,
        overdue_flag as is_overdue,
        coalesce(delete_flag, false) as is_deleted,

        -- dates
        coalesce(deadline, end_at, start_at) as due_at,
        finish_time as finished_at,
        create_time as created_at,
        last_update as updated_at,

        -- loading
        _synced_at as synced_at
    from source
)

select * from renamed

with

source as (
    {{ live_rows("qualia", "tasks") }}
),

renamed as (
    select
        -- ids
        connection_id,
        {{ present('order_id') }} as order_source_id,
        position as task_position,

        -- strings
        {{ present('label') }} as task_label,
        {{ present('assignee_name') }} as assignee_name,

        -- booleans
        coalesce({{ flag_of('completed') }}, false) as is_completed,

        -- dates
        due as due_at,
        {{ instant_of('completed') }} as completed_at,

        -- loading
        _synced_at as synced_at
    from source
)

select * from renamed

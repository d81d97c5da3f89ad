with

tasks as (
    {{ of_orders("stg_qualia__tasks") }}
),

appointments as (
    {{ of_orders("stg_qualia__appointments") }}
),

events as (
    select
        title_order_id,
        'task' as event_kind,
        task_position as event_position,
        task_label as event_name,
        null::text as appointment_type,
        assignee_name,
        null::numeric as duration_minutes,
        is_completed,
        due_at as scheduled_at,
        completed_at
    from tasks

    union all

    -- the vendor does not say whether an appointment took place
    select
        title_order_id,
        'appointment' as event_kind,
        appointment_position as event_position,
        coalesce(event_name, appointment_type) as event_name,
        appointment_type,
        null::text as assignee_name,
        duration_minutes,
        null::boolean as is_completed,
        starts_at as scheduled_at,
        null::timestamptz as completed_at
    from appointments
),

final as (
    select
        -- ids
        title_order_id,
        event_kind,
        event_position,

        -- strings
        event_name,
        appointment_type,
        assignee_name,

        -- numerics
        duration_minutes,

        -- booleans
        is_completed,
        coalesce(
            not is_completed and scheduled_at < {{ as_of() }},
            false
        ) as is_overdue,

        -- dates
        scheduled_at,
        {{ reporting_date("scheduled_at") }} as scheduled_on,
        completed_at
    from events
)

select * from final

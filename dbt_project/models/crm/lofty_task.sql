with

latest as (
    {{ one_per_lofty_account(
        "stg_lofty__tasks",
        "staged.task_source_id",
        newest="staged.updated_at",
    ) }}
),

users as (
    select * from {{ ref("lofty_user") }}
),

final as (
    select
        -- ids
        latest.lofty_account_id,
        latest.task_source_id,
        latest.lead_source_id,
        latest.creator_user_source_id,
        latest.assigned_user_source_id,
        users.agent_id as assigned_agent_id,

        -- strings
        latest.task_type,
        latest.assigned_role,

        -- booleans
        latest.is_deleted,
        coalesce(latest.is_finished, false) as is_finished,
        coalesce(
            not latest.is_finished
            and not latest.is_deleted
            and latest.due_at < {{ as_of() }},
            false
        ) as is_overdue,

        -- dates
        latest.due_at,
        latest.finished_at,
        latest.created_at,
        latest.updated_at
    from latest
    left join users
        on
            latest.lofty_account_id = users.lofty_account_id
            and latest.assigned_user_source_id = users.user_source_id
)

select * from final

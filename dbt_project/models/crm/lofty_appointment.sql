with

latest as (
    {{ one_per_lofty_account(
        "stg_lofty__appointments",
        "staged.appointment_source_id",
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
        latest.appointment_source_id,
        latest.lead_source_id,
        latest.creator_user_source_id,
        latest.assigned_user_source_id,
        users.agent_id as assigned_agent_id,

        -- booleans
        latest.is_deleted,
        coalesce(latest.is_all_day, false) as is_all_day,
        coalesce(latest.is_finished, false) as is_finished,
        latest.location is not null as has_location,

        -- dates
        latest.starts_at,
        {{ reporting_date("latest.starts_at") }} as starts_on,
        latest.ends_at,
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

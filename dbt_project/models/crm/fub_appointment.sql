with

latest as (
    {{ one_per_account("stg_fub__appointments", "staged.appointment_source_id") }}
),

users as (
    select * from {{ ref("fub_user") }}
),

types as (
    select * from {{ ref("stg_fub__appointment_types") }}
),

outcomes as (
    select * from {{ ref("stg_fub__appointment_outcomes") }}
),

final as (
    select
        -- ids
        latest.fub_account_id,
        latest.appointment_source_id,
        latest.created_by_user_source_id,
        users.agent_id as created_by_agent_id,
        latest.seen_by,

        -- strings
        latest.title,
        coalesce(types.type_name, latest.type_name) as type_name,
        coalesce(outcomes.outcome_name, latest.outcome_name) as outcome_name,

        -- booleans
        coalesce(latest.is_all_day, false) as is_all_day,
        coalesce(latest.is_from_fub, false) as is_from_fub,

        -- dates
        latest.starts_at,
        latest.ends_at,
        latest.created_at,
        latest.updated_at,
        latest.connection_id as read_through_connection_id
    from latest
    left join users
        on
            latest.fub_account_id = users.fub_account_id
            and latest.created_by_user_source_id = users.user_source_id
    left join types
        on
            latest.connection_id = types.connection_id
            and latest.appointment_type_source_id = types.appointment_type_source_id
    left join outcomes
        on
            latest.connection_id = outcomes.connection_id
            and latest.appointment_outcome_source_id
            = outcomes.appointment_outcome_source_id
)

select * from final

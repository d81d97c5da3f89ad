with

latest as (
    {{ one_per_account(
        "stg_fub__deals",
        "staged.deal_source_id",
        newest="staged.synced_at",
    ) }}
),

first_people as (
    select * from {{ ref("stg_fub__deal_people") }}
    where person_number = 1
),

first_users as (
    select * from {{ ref("stg_fub__deal_users") }}
    where user_number = 1
),

users as (
    select * from {{ ref("fub_user") }}
),

stages as (
    select * from {{ ref("fub_pipeline_stage") }}
),

final as (
    select
        -- ids
        latest.fub_account_id,
        latest.deal_source_id,
        latest.pipeline_source_id,
        latest.stage_source_id,
        first_people.person_source_id as primary_person_source_id,
        first_users.user_source_id as primary_user_source_id,
        users.agent_id as primary_agent_id,
        latest.seen_by,

        -- strings
        latest.deal_name,
        latest.deal_status,
        coalesce(stages.pipeline_name, latest.pipeline_name) as pipeline_name,
        coalesce(stages.stage_name, latest.stage_name) as stage_name,

        -- json
        latest.custom_fields,

        -- numerics
        latest.price_amount,
        latest.commission_amount,
        latest.agent_commission_amount,
        latest.team_commission_amount,
        latest.days_to_close,

        -- booleans
        coalesce(stages.is_closed_stage, false) as is_closed_stage,
        coalesce(latest.deal_status = 'Deleted', false) as is_deleted,

        -- dates
        latest.projected_close_date,
        latest.created_at,
        latest.entered_stage_at,
        latest.connection_id as read_through_connection_id
    from latest
    left join first_people
        on
            latest.connection_id = first_people.connection_id
            and latest.deal_source_id = first_people.deal_source_id
    left join first_users
        on
            latest.connection_id = first_users.connection_id
            and latest.deal_source_id = first_users.deal_source_id
    left join users
        on
            latest.fub_account_id = users.fub_account_id
            and first_users.user_source_id = users.user_source_id
    left join stages
        on
            latest.fub_account_id = stages.fub_account_id
            and latest.pipeline_source_id = stages.pipeline_source_id
            and latest.stage_source_id = stages.stage_source_id
)

select * from final

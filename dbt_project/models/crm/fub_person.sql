{{ config(**kept_by_key(["fub_account_id", "person_source_id"])) }}

with

{{ kept_by_account("people", "person_source_id", {
    "fub_user": ["user_source_id", "agent_id", "user_name"],
    "fub_stage": ["stage_source_id", "stage_name", "is_trash"],
}) }},

latest as (
    {{ one_per_account(
        "stg_fub__people",
        "staged.person_source_id",
        changed="changed" if is_incremental(),
    ) }}
),

users as (
    select * from {{ ref("fub_user") }}
),

stages as (
    select * from {{ ref("fub_stage") }}
),

final as (
    select
        -- ids
        latest.fub_account_id,
        latest.person_source_id,
        latest.stage_source_id,
        latest.assigned_user_source_id,
        latest.assigned_pond_source_id,
        users.agent_id as assigned_agent_id,
        latest.seen_by,

        -- strings
        latest.person_name,
        latest.first_name,
        latest.last_name,
        latest.person_type,
        coalesce(stages.stage_name, latest.stage_name) as stage_name,
        latest.lead_source,
        coalesce(users.user_name, latest.assigned_user_name) as assigned_user_name,
        latest.created_via,
        latest.deal_status,
        latest.deal_stage,

        -- json
        latest.custom_fields,

        -- numerics
        latest.price_amount,
        latest.deal_price_amount,
        latest.website_visits,

        -- booleans
        latest.is_contacted,
        latest.is_claimed,
        latest.assigned_user_source_id is not null and users.user_source_id is null
            as is_assignee_missing,
        coalesce(
            stages.is_trash, lower(latest.stage_name) = 'trash', false
        ) as is_trashed,

        -- dates
        latest.deal_close_date,
        latest.last_activity_at,
        latest.created_at,
        latest.updated_at,
        latest.connection_id as read_through_connection_id,
        latest.synced_at,
        versions.account_version
    from latest
    left join versions on latest.fub_account_id = versions.fub_account_id
    left join users
        on
            latest.fub_account_id = users.fub_account_id
            and latest.assigned_user_source_id = users.user_source_id
    left join stages
        on
            latest.fub_account_id = stages.fub_account_id
            and latest.stage_source_id = stages.stage_source_id
)

{{ kept_rows("final", ["fub_account_id", "person_source_id"]) }}

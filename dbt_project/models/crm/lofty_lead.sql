with

latest as (
    {{ one_per_lofty_account(
        "stg_lofty__leads",
        "staged.lead_source_id",
        newest="staged.updated_at",
    ) }}
),

users as (
    select * from {{ ref("lofty_user") }}
),

pipelines as (
    select * from {{ ref("lofty_pipeline") }}
),

ponds as (
    select * from {{ ref("lofty_pond") }}
),

final as (
    select
        -- ids
        latest.lofty_account_id,
        latest.lead_source_id,
        latest.stage_source_id,
        latest.assigned_user_source_id,
        users.agent_id as assigned_agent_id,
        latest.pond_source_id,
        latest.lead_source_source_id,
        latest.seen_by,

        -- strings
        nullif(concat_ws(' ', latest.first_name, latest.last_name), '') as lead_name,
        latest.first_name,
        latest.last_name,
        coalesce(pipelines.stage_name, latest.stage_name) as stage_name,
        latest.lead_source as source_name,
        coalesce(users.user_name, latest.assigned_user_name) as assigned_user_name,
        coalesce(ponds.pond_name, latest.pond_name) as pond_name,
        latest.ownership_scope,
        latest.opportunity,
        latest.city,
        latest.state,
        latest.postal_code,
        latest.buying_time_frame,
        latest.selling_time_frame,

        -- numerics
        latest.score,

        -- booleans
        coalesce(latest.is_hidden, false) as is_hidden,
        coalesce(latest.is_text_forbidden, false) as is_text_forbidden,
        coalesce(latest.is_call_forbidden, false) as is_call_forbidden,
        coalesce(latest.is_email_forbidden, false) as is_email_forbidden,
        coalesce(latest.is_unsubscribed, false) as is_unsubscribed,
        latest.is_prequalified,
        latest.is_first_time_buyer,
        latest.has_house_to_sell,
        latest.has_mortgage,

        -- dates
        latest.created_at,
        latest.updated_at,
        latest.assigned_at,
        latest.last_touched_at,
        latest.last_visited_at,
        greatest(latest.last_touched_at, latest.last_visited_at) as last_activity_at,
        latest.connection_id as read_through_connection_id
    from latest
    left join users
        on
            latest.lofty_account_id = users.lofty_account_id
            and latest.assigned_user_source_id = users.user_source_id
    left join pipelines
        on
            latest.lofty_account_id = pipelines.lofty_account_id
            and latest.stage_source_id = pipelines.stage_source_id
    left join ponds
        on
            latest.lofty_account_id = ponds.lofty_account_id
            and latest.pond_source_id = ponds.pond_source_id
)

select * from final

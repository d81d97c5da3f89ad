{{ config(**kept_by_key(["fub_account_id", "text_message_source_id"])) }}

with

{{ kept_by_account("text_messages", "text_message_source_id", {
    "fub_user": ["user_source_id", "agent_id"],
}) }},

latest as (
    {{ one_per_account(
        "stg_fub__text_messages",
        "staged.text_message_source_id",
        changed="changed" if is_incremental(),
    ) }}
),

users as (
    select * from {{ ref("fub_user") }}
),

final as (
    select
        -- ids
        latest.fub_account_id,
        latest.text_message_source_id,
        latest.person_source_id,
        latest.user_source_id,
        users.agent_id,
        latest.seen_by,

        -- strings
        latest.message_status,
        latest.delivery_status,
        case
            when latest.is_incoming then 'incoming'
            when not latest.is_incoming then 'outgoing'
            else 'unknown'
        end as direction,

        -- numerics
        length(latest.message_body) as message_length,

        -- booleans
        latest.is_incoming,
        coalesce(latest.is_external, false) as is_external,

        -- dates
        latest.sent_at,
        {{ reporting_date("latest.sent_at") }} as sent_on,
        latest.created_at,
        latest.updated_at,
        latest.synced_at,
        versions.account_version
    from latest
    left join versions on latest.fub_account_id = versions.fub_account_id
    left join users
        on
            latest.fub_account_id = users.fub_account_id
            and latest.user_source_id = users.user_source_id
)

{{ kept_rows("final", ["fub_account_id", "text_message_source_id"]) }}

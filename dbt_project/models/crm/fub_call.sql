{{ config(**kept_by_key(
    ["fub_account_id", "call_source_id"],
    indexes=[["synced_at"], ["fub_account_id", "called_on", "row_version"]],
)) }}

with

{{ kept_by_account("calls", "call_source_id", {
    "fub_user": ["user_source_id", "agent_id", "user_name"],
}) }},

latest as (
    {{ one_per_account(
        "stg_fub__calls",
        "staged.call_source_id",
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
        latest.call_source_id,
        latest.person_source_id,
        latest.user_source_id,
        users.agent_id,
        latest.seen_by,

        -- strings
        coalesce(users.user_name, latest.user_name) as user_name,
        latest.outcome,
        case
            when latest.is_incoming then 'incoming'
            when not latest.is_incoming then 'outgoing'
            else 'unknown'
        end as direction,

        -- numerics
        coalesce(latest.duration_seconds, 0) as duration_seconds,
        latest.ring_seconds,

        -- booleans
        latest.is_incoming,
        latest.user_source_id is not null and users.user_source_id is null
            as is_user_missing,

        -- dates
        latest.called_at,
        {{ reporting_date("latest.called_at") }} as called_on,
        latest.created_at,
        latest.updated_at,
        latest.synced_at,
        versions.account_version,

        -- what days of calls are compared by, out of the index alone
        hashtextextended(
            latest.call_source_id,
            hashfloat8extended(
                date_part('epoch', latest.synced_at), versions.account_version
            )
        ) as row_version
    from latest
    left join versions on latest.fub_account_id = versions.fub_account_id
    left join users
        on
            latest.fub_account_id = users.fub_account_id
            and latest.user_source_id = users.user_source_id
)

{{ kept_rows("final", ["fub_account_id", "call_source_id"]) }}

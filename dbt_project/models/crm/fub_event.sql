{{ config(**kept_by_key(["fub_account_id", "event_source_id"])) }}

with

{{ kept_by_account("events", "event_source_id") }},

latest as (
    {{ one_per_account(
        "stg_fub__events",
        "staged.event_source_id",
        changed="changed" if is_incremental(),
    ) }}
),

final as (
    select
        -- ids
        latest.fub_account_id,
        latest.event_source_id,
        latest.person_source_id,
        latest.seen_by,

        -- strings
        latest.event_type,
        latest.lead_source,
        latest.page_title,
        latest.property_street,
        latest.property_city,
        latest.property_state,
        latest.property_mls_number,

        -- numerics
        latest.page_seconds,
        latest.property_price_amount,

        -- dates
        latest.occurred_at,
        {{ reporting_date("latest.occurred_at") }} as occurred_on,
        latest.created_at,
        latest.updated_at,
        latest.synced_at,
        versions.account_version
    from latest
    left join versions on latest.fub_account_id = versions.fub_account_id
)

{{ kept_rows("final", ["fub_account_id", "event_source_id"]) }}

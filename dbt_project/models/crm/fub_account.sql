with

connections as (
    select * from {{ ref("connection") }}
    where fub_account_id is not null
),

identities as (
    select distinct on (connections.fub_account_id)
        connections.fub_account_id,
        identities.account_source_id,
        identities.account_name,
        identities.account_domain,
        identities.owner_name,
        lower(identities.owner_email) as owner_email
    from {{ ref("stg_fub__identities") }} as identities
    inner join connections on identities.connection_id = connections.connection_id
    order by connections.fub_account_id, identities.synced_at desc
),

accounts as (
    select
        fub_account_id,
        array_agg(connection_id order by connection_id) as connection_ids,
        bool_or(sees_whole_account) as is_whole_account
    from connections
    group by fub_account_id
),

counts as (
    {{ vendor_counts(
        "fub",
        {
            "people": "fub_person",
            "users": "fub_user",
            "deals": "fub_deal",
            "calls": "fub_call",
            "text_messages": "fub_text_message",
            "events": "fub_event",
            "appointments": "fub_appointment",
        },
        "accounts",
    ) }}
),

final as (
    select
        -- ids
        accounts.fub_account_id,
        identities.account_source_id,
        accounts.connection_ids,

        -- strings
        identities.account_name,
        identities.account_domain,
        identities.owner_name,
        identities.owner_email,

        -- numerics
        counts.people_fub,
        counts.people_ad,
        counts.users_fub,
        counts.users_ad,
        counts.deals_fub,
        counts.deals_ad,
        counts.calls_fub,
        counts.calls_ad,
        counts.text_messages_fub,
        counts.text_messages_ad,
        counts.events_fub,
        counts.events_ad,
        counts.appointments_fub,
        counts.appointments_ad,

        -- booleans
        accounts.is_whole_account,

        -- dates
        counts.counted_at
    from accounts
    inner join counts on accounts.fub_account_id = counts.fub_account_id
    left join identities on accounts.fub_account_id = identities.fub_account_id
)

select * from final

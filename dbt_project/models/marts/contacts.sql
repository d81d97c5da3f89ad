{{ config(**kept_by_key(
    ["fub_account_id", "person_source_id"],
    row_key=["fub_account_id", "person_source_id", "agent_key"],
)) }}

{%- set who_sees_what %}
                    select
                        jsonb_agg(
                            jsonb_build_array(
                                viewers.connection_id, users.agent_key, users.is_demo
                            )
                            order by viewers.connection_id
                        )
                    from {{ ref("connection") }} as viewers
                    inner join {{ ref("app_user") }} as users
                        on viewers.agent_key = users.agent_key
                    where viewers.fub_account_id = connections.fub_account_id
{%- endset %}

with

{{ kept_by_account(
    "people",
    "person_source_id",
    builds_on=["fub_person", "fub_person_email", "fub_person_phone"],
    also=who_sees_what,
) }},

users as (
    select * from {{ ref("app_user") }}
    where {{ demo_filter("is_demo") }}
),

connections as (
    select * from {{ ref("connection") }}
    where vendor = 'fub'
),

people as (
    select people.*
    from {{ ref("fub_person") }} as people
    {{- only_changed("people", ["fub_account_id", "person_source_id"]) }}
),

emails as (
    select * from {{ ref("fub_person_email") }}
    where is_primary
),

phones as (
    select * from {{ ref("fub_person_phone") }}
    where is_primary
),

-- a contact belongs to each agent whose own credential shows it
final as (
    select
        users.agent_key,
        people.fub_account_id,
        people.person_source_id,
        people.person_name,
        people.first_name,
        people.last_name,
        emails.email,
        phones.phone_digits as phone,
        people.person_type,
        people.stage_name,
        people.lead_source,
        people.assigned_user_name,
        people.assigned_agent_id,
        people.price_amount::numeric(20, 4) as price_amount,
        people.is_contacted,
        people.is_claimed,
        people.is_trashed,
        people.last_activity_at,
        people.created_at,
        people.updated_at,
        people.synced_at,
        versions.account_version
    from people
    left join versions on people.fub_account_id = versions.fub_account_id
    cross join lateral unnest(people.seen_by) as viewers (connection_id)
    inner join connections on viewers.connection_id = connections.connection_id
    inner join users on connections.agent_key = users.agent_key
    left join emails
        on
            people.fub_account_id = emails.fub_account_id
            and people.person_source_id = emails.person_source_id
    left join phones
        on
            people.fub_account_id = phones.fub_account_id
            and people.person_source_id = phones.person_source_id
)

{{ kept_rows("final", ["fub_account_id", "person_source_id"]) }}

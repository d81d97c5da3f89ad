{{ config(**kept_by_key(
    ["fub_account_id", "person_source_id"],
    row_key=["fub_account_id", "person_source_id", "email_position"],
)) }}

with

{{ kept_by_account("people", "person_source_id", builds_on=["fub_person"]) }},

people as (
    select people.*
    from {{ ref("fub_person") }} as people
    {{- only_changed("people", ["fub_account_id", "person_source_id"]) }}
),

items as (
    select * from {{ ref("stg_fub__person_emails") }}
),

-- the list is replaced as a whole with its person: only the copy that was taken counts
final as (
    select
        people.fub_account_id,
        people.person_source_id,
        items.email_position,
        items.email,
        items.email_type,
        items.email_status,
        row_number() over (
            partition by people.fub_account_id, people.person_source_id
            order by items.is_primary desc, items.email_position
        ) = 1 as is_primary,
        people.synced_at,
        versions.account_version
    from people
    inner join items
        on
            people.read_through_connection_id = items.connection_id
            and people.person_source_id = items.row_key
    left join versions on people.fub_account_id = versions.fub_account_id
)

{{ kept_rows("final", ["fub_account_id", "person_source_id"]) }}

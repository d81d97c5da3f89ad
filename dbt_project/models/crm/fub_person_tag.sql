{{ config(**kept_by_key(
    ["fub_account_id", "person_source_id"],
    row_key=["fub_account_id", "person_source_id", "tag"],
)) }}

with

{{ kept_by_account("people", "person_source_id", builds_on=["fub_person"]) }},

people as (
    select people.*
    from {{ ref("fub_person") }} as people
    {{- only_changed("people", ["fub_account_id", "person_source_id"]) }}
),

tags as (
    select * from {{ ref("stg_fub__person_tags") }}
),

final as (
    select
        people.fub_account_id,
        people.person_source_id,
        tags.tag,
        people.synced_at,
        versions.account_version
    from people
    inner join tags
        on
            people.read_through_connection_id = tags.connection_id
            and people.person_source_id = tags.row_key
    left join versions on people.fub_account_id = versions.fub_account_id
)

{{ kept_rows("final", ["fub_account_id", "person_source_id"]) }}

with

people as (
    select * from {{ ref("fub_person") }}
),

tags as (
    select * from {{ ref("stg_fub__person_tags") }}
),

final as (
    select
        people.fub_account_id,
        people.person_source_id,
        tags.tag
    from people
    inner join tags
        on
            people.read_through_connection_id = tags.connection_id
            and people.person_source_id = tags.person_source_id
)

select * from final

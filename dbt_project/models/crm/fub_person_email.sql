with

people as (
    select * from {{ ref("fub_person") }}
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
        ) = 1 as is_primary
    from people
    inner join items
        on
            people.read_through_connection_id = items.connection_id
            and people.person_source_id = items.person_source_id
)

select * from final

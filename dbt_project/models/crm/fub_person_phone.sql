with

people as (
    select * from {{ ref("fub_person") }}
),

items as (
    select * from {{ ref("stg_fub__person_phones") }}
),

-- the list is replaced as a whole with its person: only the copy that was taken counts
final as (
    select
        people.fub_account_id,
        people.person_source_id,
        items.phone_position,
        items.phone,
        items.phone_digits,
        items.phone_type,
        items.phone_status,
        row_number() over (
            partition by people.fub_account_id, people.person_source_id
            order by items.is_primary desc, items.phone_position
        ) = 1 as is_primary
    from people
    inner join items
        on
            people.read_through_connection_id = items.connection_id
            and people.person_source_id = items.person_source_id
)

select * from final

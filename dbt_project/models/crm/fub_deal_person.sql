with

deals as (
    select * from {{ ref("fub_deal") }}
),

items as (
    select * from {{ ref("stg_fub__deal_people") }}
),

-- the list is replaced as a whole with its deal: only the copy that was taken counts
final as (
    select
        deals.fub_account_id,
        deals.deal_source_id,
        items.person_source_id,
        items.person_number,
        items.person_number = 1 as is_primary
    from deals
    inner join items
        on
            deals.read_through_connection_id = items.connection_id
            and deals.deal_source_id = items.deal_source_id
)

select * from final

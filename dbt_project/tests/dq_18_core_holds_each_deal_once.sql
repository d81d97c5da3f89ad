-- deals of the viewers' lists and those of core are the same set
with

listed_rows as (
    select
        connection_id,
        deal_source_id
    from {{ ref("stg_rezen__transaction_list_rows") }}

    union

    select
        connection_id,
        deal_source_id
    from {{ ref("stg_rezen__listing_list_rows") }}
),

listed as (
    select deal_source_id
    from listed_rows
    group by deal_source_id
    having not bool_or(connection_id in ({{ landed_meanwhile("rezen") }}))
),

held as (
    select transaction_source_id as deal_source_id from {{ ref("transaction") }}
    where is_in_rezen
    union all
    select listing_source_id as deal_source_id from {{ ref("listing") }}
    where is_in_rezen
)

select
    coalesce(listed.deal_source_id, held.deal_source_id) as deal_source_id,
    count(held.deal_source_id) as rows_held
from listed
left join held on listed.deal_source_id = held.deal_source_id
group by coalesce(listed.deal_source_id, held.deal_source_id)
having count(held.deal_source_id) <> 1

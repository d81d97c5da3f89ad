{{ config(severity="warn") }}

-- a sync can succeed and move nothing: the vendor's count is held against the live rows
with

marks as (
    select distinct on (marks.connection_id, marks.entity)
        marks.connection_id,
        marks.entity,
        marks.vendor_count
    from {{ source("raw_rezen", "sync_marks") }} as marks
    inner join {{ source("raw_rezen", "_dlt_loads") }} as loads
        on marks._dlt_load_id = loads.load_id
    where loads.status = 0 and marks.status = 'ok' and marks.vendor_count is not null
    order by marks.connection_id, marks.entity, marks.finished_at desc
),

held as (
    select
        connection_id,
        'transaction_list' as entity,
        count(*) as rows_held
    from {{ ref("stg_rezen__transaction_list_rows") }}
    group by connection_id

    union all

    select
        connection_id,
        'listing_list' as entity,
        count(*) as rows_held
    from {{ ref("stg_rezen__listing_list_rows") }}
    group by connection_id
)

select
    marks.connection_id,
    marks.entity,
    marks.vendor_count,
    coalesce(held.rows_held, 0) as rows_held
from marks
left join held
    on marks.connection_id = held.connection_id and marks.entity = held.entity
where
    marks.entity in ('transaction_list', 'listing_list')
    and marks.vendor_count <> coalesce(held.rows_held, 0)

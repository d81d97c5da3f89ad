{{ config(severity="warn") }}

-- counted in totals under the unknown month; too many of them make the months too small
with

closed_deals as (
    select
        count(*) as all_deals,
        count(*) filter (where closed_month = '{{ var("unknown_date") }}'::date)
            as without_date
    from {{ ref("transaction") }}
    where is_closed
)

select *
from closed_deals
where without_date > all_deals * 0.02

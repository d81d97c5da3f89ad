{{ config(severity="warn") }}

-- rows that wait to be processed are what matters, not how many rows raw keeps: what an
-- account lists has been read in full, but for one deal in twenty
{%- set lists = {
    "transaction_list_rows": "transactions",
    "listing_list_rows": "listings",
} %}
{%- for list, full in lists.items() %}
select
    '{{ full }}' as entity,
    listed.connection_id,
    count(*) as all_deals,
    count(*) filter (where details.deal_source_id is null) as waiting
from {{ ref("stg_rezen__" ~ list) }} as listed
left join {{ ref("stg_rezen__" ~ full) }} as details
    on
        listed.connection_id = details.connection_id
        and listed.deal_source_id = details.deal_source_id
group by listed.connection_id
having count(*) filter (where details.deal_source_id is null) > count(*) * 0.05
{% if not loop.last %}union all{% endif %}
{%- endfor %}

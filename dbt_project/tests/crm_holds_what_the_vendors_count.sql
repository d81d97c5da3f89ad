{{ config(severity="warn") }}

-- the vendor's count of a list at the last good reading against the rows held
{%- set lists = {
    "fub": ["people", "users", "deals", "calls", "events", "appointments"],
    "lofty": ["leads", "members", "transactions", "communications"],
} %}
{%- for vendor, names in lists.items() %}
{%- set outer_loop = loop %}
{%- for name in names %}
select
    {{ vendor }}_account_id as crm_account_id,
    '{{ name }}' as list_name,
    {{ name }}_{{ vendor }} as vendor_count,
    {{ name }}_ad as rows_held
from {{ ref(vendor ~ "_account") }}
where {{ name }}_{{ vendor }} <> {{ name }}_ad
{%- if not (loop.last and outer_loop.last) %}
union all
{%- endif %}
{%- endfor %}
{%- endfor %}

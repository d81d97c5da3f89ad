{{ config(severity="warn") }}

-- a vendor's reference may lead nowhere, metrics.dangling_reference has the rows; more
-- than one in twenty, of more than ten, says that something was not read
with

resolved as (
    {%- for reference in vendor_references() %}
    {{ resolved_reference(reference) }}
    {% if not loop.last %}union all{% endif %}
    {%- endfor %}
)

select
    reference,
    count(*) as all_references,
    count(*) filter (where is_missing) as dangling
from resolved
group by reference
having count(*) filter (where is_missing) > greatest(10, count(*) * 0.05)

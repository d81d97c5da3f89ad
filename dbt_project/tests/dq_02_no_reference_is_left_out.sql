-- a report of no orphans once looked at two references of thirty: each reference that
-- may lead nowhere is in dangling_reference, and all others stop the build
{%- set known = [] %}
{%- for model, scope, row_id, column, to, field in vendor_references() %}
{%- do known.append(model ~ "." ~ column) %}
{%- endfor %}
{%- set left_out = [] %}
{%- if execute %}
{%- for node in graph.nodes.values() %}
{%- set test = node.get("test_metadata") or {} %}
{%- if test.get("name") in ("relationships", "dangling_reference") %}
{%- set name = node.attached_node.split(".")[2] ~ "." ~ test.kwargs.column_name %}
{%- if node.config.severity | lower == "warn" and name not in known %}
{%- do left_out.append(name) %}
{%- endif %}
{%- endif %}
{%- endfor %}
{%- endif %}
select reference
from (
    values
    (null)
    {%- for name in left_out %},
    ('{{ name }}')
    {%- endfor %}
) as checked (reference)
where reference is not null

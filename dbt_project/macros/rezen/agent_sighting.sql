{# One branch of int_agents__sighted: a place where agents are seen. `has` maps the attributes that
   the place has to its expressions; the others are null. #}
{% macro agent_sighting(provenance, priority, relation, id, has) -%}
    {%- set attributes = [
        "first_name", "last_name", "full_name", "email", "phone", "agent_status",
        "account_country", "join_date::date", "anniversary_date::date",
    ] -%}
    select
        {{ id }} as agent_source_id,
        '{{ provenance }}' as provenance,
        {{ priority }} as priority,
        {%- for attribute in attributes %}
        {%- set parts = attribute.split("::") %}
        ({{ has.get(parts[0], "null") }})::{{ parts[1] if parts | length > 1 else "text" }}
            as {{ parts[0] }},
        {%- endfor %}
        ({{ has.get("updated_at", "null") }})::timestamptz as updated_at
    from {{ relation }}
    where {{ id }} is not null
{%- endmacro %}


{# The value of the most trusted sighting that has one. #}
{% macro most_trusted(column) -%}
    (array_agg({{ column }} order by priority) filter (where {{ column }} is not null))[1]
{%- endmacro %}

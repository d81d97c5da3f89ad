{# The newest value of a group that is not null; on a tie the first in order. #}
{% macro latest_value(column, moment) -%}
    (
        array_agg({{ column }} order by {{ moment }} desc nulls last, {{ column }} asc)
        filter (where {{ column }} is not null)
    )[1]
{%- endmacro %}

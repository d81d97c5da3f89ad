{# The id of a part of a page: the slugs on the way to it, such as dashboard/overview. #}
{% macro path_of(slugs) -%}
    {{ slugs | join(" || '/' || ") }}
{%- endmacro %}


{# The id of the part of a page that something belongs to: null for the parts that it is above. #}
{% macro path_or_null(slugs) -%}
    case when {{ slugs | last }} is not null then {{ path_of(slugs) }} end
{%- endmacro %}


{# A list out of text such as `a|b`; nothing is an empty list. #}
{% macro listed(expression) -%}
    string_to_array(coalesce({{ expression }}, ''), '|')
{%- endmacro %}

{# A value where a condition holds, else zero: a column that may be added up. #}
{% macro counted(condition, value) -%}
    case when {{ condition }} then {{ value }} else 0 end
{%- endmacro %}

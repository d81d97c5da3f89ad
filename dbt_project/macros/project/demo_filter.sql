{# Keeps demo agents out when var include_demo is false. #}
{% macro demo_filter(column) -%}
    {%- if var('include_demo') in (true, 'true') -%} true {%- else -%} not {{ column }} {%- endif -%}
{%- endmacro %}

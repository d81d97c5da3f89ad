{# An order's status in one spelling. #}
{% macro order_status(expression) -%}
    regexp_replace(upper({{ present(expression) }}), '^CANCELED$', 'CANCELLED')
{%- endmacro %}

{# Figures about a table that was made a moment ago. Autovacuum brings them within minutes; the next
   model joins it at once, and without them takes loops for a plan: minutes instead of a second. #}
{% macro analyze_this() -%}
    {%- if config.get("materialized") == "table" -%} analyze {{ this }} {%- endif -%}
{%- endmacro %}

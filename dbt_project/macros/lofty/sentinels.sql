{# A foreign id: Lofty writes 0, -1 and '' for none. #}
{% macro lofty_id(expression) -%}
    nullif({{ foreign_id(expression) }}, '-1')
{%- endmacro %}


{# A figure that is -1 when it is not set. #}
{% macro lofty_figure(expression) -%}
    nullif({{ expression }}, -1)
{%- endmacro %}


{# 'Yes' and 'No'; anything else is not known. #}
{% macro lofty_yes_no(expression) -%}
    case lower(btrim({{ expression }})) when 'yes' then true when 'no' then false end
{%- endmacro %}

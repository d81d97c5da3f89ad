{# The part of a period that is over at the end of a day, 0 before it begins and 1 after its end. #}
{% macro elapsed_share(day, starts_on, ends_on) -%}
    least(greatest(({{ day }} - {{ starts_on }} + 1)::numeric, 0)
        / ({{ ends_on }} - {{ starts_on }} + 1), 1)
{%- endmacro %}

{# The first day of the anniversary year that holds a day. The 29th of February becomes the 28th
   in a year that has none. #}
{% macro cap_year_start(anchor, day) -%}
    {%- set years -%}
        (extract(year from {{ day }}) - extract(year from {{ anchor }}))::int
    {%- endset -%}
    case
        when ({{ anchor }} + make_interval(years => {{ years }}))::date <= {{ day }}
            then ({{ anchor }} + make_interval(years => {{ years }}))::date
        else ({{ anchor }} + make_interval(years => {{ years }} - 1))::date
    end
{%- endmacro %}


{# The next anniversary: the day on which the cap starts anew. #}
{% macro cap_year_end(anchor, day) -%}
    {%- set years -%}
        (extract(year from {{ day }}) - extract(year from {{ anchor }}))::int
    {%- endset -%}
    case
        when ({{ anchor }} + make_interval(years => {{ years }}))::date > {{ day }}
            then ({{ anchor }} + make_interval(years => {{ years }}))::date
        else ({{ anchor }} + make_interval(years => {{ years }} + 1))::date
    end
{%- endmacro %}


{# How much of `limit` a row uses up, when the rows before it came to `before`. #}
{% macro within_limit(amount, before, limit) -%}
    least({{ limit }}, {{ before }} + {{ amount }}) - least({{ limit }}, {{ before }})
{%- endmacro %}

{# The bucket of a number of days, such as 0-30, 31-60, 61+; unknown for null. `ends` are the last
   days of the closed buckets. #}
{% macro day_bucket(days, ends) -%}
    case
        when {{ days }} is null then 'unknown'
        {%- for end in ends %}
        when {{ days }} <= {{ end }}
            then '{{ 0 if loop.first else ends[loop.index0 - 1] + 1 }}-{{ end }}'
        {%- endfor %}
        else '{{ ends[-1] + 1 }}+'
    end
{%- endmacro %}

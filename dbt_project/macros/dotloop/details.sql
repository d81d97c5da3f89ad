{# Text of a loop's details under its display labels, which may hold apostrophes. #}
{% macro loop_text(section, label) -%}
    nullif(btrim(
        details -> '{{ section }}' ->> '{{ label | replace("'", "''") }}'
    ), '')
{%- endmacro %}


{# An amount as people write it: 25000, 110000.0, $110,000. Anything else is null. #}
{% macro loop_amount(section, label) -%}
    {%- set words = loop_text(section, label) -%}
    case
        when {{ words }} ~ '^[-+]?\s*\$?\s*([0-9]{1,3}(,[0-9]{3})+|[0-9]+)(\.[0-9]*)?$'
            then regexp_replace({{ words }}, '[^0-9.-]', '', 'g')::numeric
    end
{%- endmacro %}


{# A percentage, with or without its sign: 3 and 3% are 3. #}
{% macro loop_percent(section, label) -%}
    {{ safe_numeric("btrim(" ~ loop_text(section, label) ~ ", ' %')") }}
{%- endmacro %}


{# A day, which one answer writes as 04/05/2026 and as March 05, 2026. Free text is null. #}
{% macro loop_date(section, label) -%}
    {%- set words = loop_text(section, label) -%}
    {%- set in_figures -%}
        regexp_match(
            {{ words }}, '^(0?[1-9]|1[0-2])/(0?[1-9]|[12][0-9]|3[01])/((19|20)[0-9]{2})$'
        )
    {%- endset -%}
    {%- set in_words -%}
        regexp_match(
            lower({{ words }}),
            '^(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.? '
            || '(0?[1-9]|[12][0-9]|3[01]), ?((19|20)[0-9]{2})$'
        )
    {%- endset -%}
    {%- set month -%}
        array_position(
            '{jan,feb,mar,apr,may,jun,jul,aug,sep,oct,nov,dec}'::text [], ({{ in_words }})[1]
        )
    {%- endset -%}
    coalesce(
        {{ calendar_day(
            "(" ~ in_figures ~ ")[3]::integer",
            "(" ~ in_figures ~ ")[1]::integer",
            "(" ~ in_figures ~ ")[2]::integer"
        ) }},
        {{ calendar_day(
            "(" ~ in_words ~ ")[3]::integer", month, "(" ~ in_words ~ ")[2]::integer"
        ) }},
        {{ safe_date(words) }}
    )
{%- endmacro %}


{# The day, null if the month has no such day: make_date would stop the whole build. #}
{% macro calendar_day(year, month, day) -%}
    case
        when
            {{ day }} <= extract(
                day from make_date({{ year }}, {{ month }}, 1) + interval '1 month - 1 day'
            )
            then make_date({{ year }}, {{ month }}, {{ day }})
    end
{%- endmacro %}

{# The zone whose days, months and years are reported in. #}
{% macro reporting_timezone() -%}
    {{ var("reporting_timezone", env_var("BROKERAGE_REPORTING_TIMEZONE", "America/New_York")) }}
{%- endmacro %}


{#
The moment the figures are taken at: var as_of (any text PostgreSQL reads), else the session's
brokerage.as_of (the sandbox has a clock of its own; a session setting, because a changed var would
make dbt parse everything anew), else now.
#}
{% macro as_of() -%}
    {%- if var('as_of') -%} '{{ var("as_of") }}'::timestamptz {%- else -%}
        coalesce(nullif(current_setting('brokerage.as_of', true), '')::timestamptz, now())
    {%- endif -%}
{%- endmacro %}


{# The day of an instant in the reporting zone. #}
{% macro reporting_date(expression) -%}
    ({{ expression }} at time zone '{{ reporting_timezone() }}')::date
{%- endmacro %}


{# Today in the reporting zone. #}
{% macro reporting_today() -%}
    {{ reporting_date(as_of()) }}
{%- endmacro %}


{# A date that is possible; missing and impossible ones are the unknown date, which begins a week,
   a month, a quarter and a year. #}
{% macro known_date(expression) -%}
    case
        when {{ expression }} between '{{ var("earliest_date") }}'::date
            and {{ reporting_today() }} + 730
            then {{ expression }}
        else '{{ var("unknown_date") }}'::date
    end
{%- endmacro %}


{# First day of the month of a date; missing and impossible dates go to the unknown date. #}
{% macro known_month(expression) -%}
    case
        when {{ expression }} between '{{ var("earliest_date") }}'::date
            and {{ reporting_today() }} + 730
            then date_trunc('month', {{ expression }})::date
        else '{{ var("unknown_date") }}'::date
    end
{%- endmacro %}


{# True for dates of the current year in the reporting zone. #}
{% macro in_current_year(expression) -%}
    (date_trunc('year', {{ expression }}) = date_trunc('year', {{ reporting_today() }}))
{%- endmacro %}


{# True for dates of the current month in the reporting zone. #}
{% macro in_current_month(expression) -%}
    (date_trunc('month', {{ expression }}) = date_trunc('month', {{ reporting_today() }}))
{%- endmacro %}

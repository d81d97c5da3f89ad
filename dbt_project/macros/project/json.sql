{# The elements of a jsonb array as a table; anything else (null, an object, text) has none. #}
{% macro json_elements(expression) -%}
    jsonb_array_elements(
        case when jsonb_typeof({{ expression }}) = 'array' then {{ expression }} end
    )
{%- endmacro %}


{# Text under a key, '' as null. Several keys: the first that is present. #}
{% macro json_text(expression, keys) -%}
    {%- set keys = [keys] if keys is string else keys -%}
    coalesce(
    {%- for key in keys -%}
        nullif(btrim({{ expression }} ->> '{{ key }}'), ''){{ ", " if not loop.last }}
    {%- endfor -%}
    , null)
{%- endmacro %}


{# true and false, also as text or 0/1; anything else is null. #}
{% macro json_boolean(expression, key) -%}
    case lower({{ expression }} ->> '{{ key }}')
        when 'true' then true when '1' then true
        when 'false' then false when '0' then false
    end
{%- endmacro %}


{# A numeric out of text; text that is no number is null. #}
{% macro safe_numeric(expression) -%}
    case
        when {{ expression }} ~ '^\s*[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?\s*$'
            then ({{ expression }})::numeric
    end
{%- endmacro %}


{# An instant out of text: epoch milliseconds, epoch seconds or ISO 8601. #}
{% macro safe_instant(expression) -%}
    case
        when {{ expression }} ~ '^-?[0-9]{11,14}$'
            then to_timestamp(({{ expression }})::numeric / 1000)
        when {{ expression }} ~ '^-?[0-9]{1,10}$'
            then to_timestamp(({{ expression }})::numeric)
        when {{ expression }} ~ '{{ iso_day_pattern() }}T([01][0-9]|2[0-3]):[0-5][0-9]'
            then ({{ expression }})::timestamptz
    end
{%- endmacro %}


{# The number before a percent sign: "80.00%", {"string": "80.00%"} or 80. #}
{% macro json_percent(expression) -%}
    {%- set as_text -%}
        btrim(coalesce({{ expression }} ->> 'string', {{ expression }} #>> '{}'), ' %')
    {%- endset -%}
    {{ safe_numeric(as_text) }}
{%- endmacro %}


{# A date out of text: an ISO date (also the start of an instant) or an instant in epoch units. #}
{% macro safe_date(expression) -%}
    coalesce(
        case
            when {{ expression }} ~ '{{ iso_day_pattern() }}' then left({{ expression }}, 10)::date
        end,
        ({{ safe_instant(expression) }} at time zone 'UTC')::date
    )
{%- endmacro %}


{# Text that starts with a day that exists; a cast of anything else would stop the whole build. #}
{% macro iso_day_pattern() -%}
    ^[0-9]{4}-((0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])|(0[13-9]|1[0-2])-(29|30)|(0[13578]|1[02])-31)
{%- endmacro %}


{# A numeric under a key. Several keys: the first that holds a number. #}
{% macro json_numeric(expression, keys) -%}
    {%- set keys = [keys] if keys is string else keys -%}
    coalesce(
    {%- for key in keys -%}
        {{ safe_numeric(expression ~ " ->> '" ~ key ~ "'") }}{{ ", " if not loop.last }}
    {%- endfor -%}
    , null)
{%- endmacro %}


{# A list out of what is sent as a list or as its only element. #}
{% macro one_or_many(expression) -%}
    case
        when jsonb_typeof({{ expression }}) = 'object' then jsonb_build_array({{ expression }})
        else {{ expression }}
    end
{%- endmacro %}


{# A list of texts out of a jsonb array; what is no array is an empty list. #}
{% macro text_array(expression) -%}
    array(
        select elements.item
        from jsonb_array_elements_text(
            case when jsonb_typeof({{ expression }}) = 'array' then {{ expression }} end
        ) as elements (item)
    )
{%- endmacro %}

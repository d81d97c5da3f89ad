{# The amount of a vendor's money inside jsonb: an object with amount, a number or numeric text. #}
{% macro json_amount(expression) -%}
    {%- set as_text -%}
        case jsonb_typeof({{ expression }})
            when 'object' then {{ expression }} ->> 'amount'
            else {{ expression }} #>> '{}'
        end
    {%- endset -%}
    ({{ safe_numeric(as_text) }})::numeric(20, 4)
{%- endmacro %}


{# The currency of a vendor's money inside jsonb; null when none is sent. #}
{% macro json_currency(expression) -%}
    {{ currency_code(expression ~ " ->> 'currency'") }}
{%- endmacro %}


{# An ISO 4217 code in upper case. #}
{% macro currency_code(expression) -%}
    nullif(upper(btrim({{ expression }})), '')
{%- endmacro %}


{# The currency of a country as reZEN writes it. #}
{% macro currency_of_country(expression) -%}
    case {{ expression }} when 'CANADA' then 'CAD' when 'UNITED_STATES' then 'USD' end
{%- endmacro %}


{# An amount that was reckoned, in the precision of all money here. #}
{% macro as_money(expression) -%}
    ({{ expression }})::numeric(20, 4)
{%- endmacro %}

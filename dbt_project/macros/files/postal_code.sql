{# A postal code; a spreadsheet drops the leading zero of a code of the United States. #}
{% macro postal_code(code, country) -%}
    case
        when
            {{ present(code) }} ~ '^[0-9]{4}(-[0-9]{4})?$'
            and coalesce(upper({{ present(country) }}), 'US')
            in ('US', 'USA', 'U.S.', 'U.S.A.', 'UNITED STATES', 'UNITED STATES OF AMERICA')
            then '0' || {{ present(code) }}
        else {{ present(code) }}
    end
{%- endmacro %}

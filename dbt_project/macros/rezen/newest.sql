{# For int_deals__unified: a value from the newer of detail and list row, from the other one where
   that has none. #}
{% macro newest(column) -%}
    case
        when paired.list_is_newer then coalesce(list_rows.{{ column }}, details.{{ column }})
        else coalesce(details.{{ column }}, list_rows.{{ column }})
    end
{%- endmacro %}


{# The currency of an amount comes from the row that the amount came from. #}
{% macro newest_currency(name) -%}
    case
        when
            details.{{ name }}_amount is null
            or (paired.list_is_newer and list_rows.{{ name }}_amount is not null)
            then coalesce(list_rows.{{ name }}_currency, details.{{ name }}_currency)
        else coalesce(details.{{ name }}_currency, list_rows.{{ name }}_currency)
    end
{%- endmacro %}

{# The days between two sightings of a deal: of the dates that both have, the nearest two. #}
{% macro days_apart(one, other) -%}
    least(
        {%- for mine, yours in [
            ("contract_date", "contract_date"),
            ("actual_closing_date", "actual_closing_date"),
            ("actual_closing_date", "estimated_closing_date"),
            ("estimated_closing_date", "actual_closing_date"),
            ("estimated_closing_date", "estimated_closing_date"),
            ("listing_date", "listing_date"),
        ] %}
        abs({{ one }}.{{ mine }} - {{ other }}.{{ yours }}){{ "," if not loop.last }}
        {%- endfor %}
    )
{%- endmacro %}

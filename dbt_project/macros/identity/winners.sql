{#
The value of a field on a deal that several vendors know: the most trusted vendor's that has one
(reZEN first, then by vendor_rank), and which vendor that is. `parts` go with the field from the
same record, as a currency does with its amount.
#}
{% macro winner(field, parts=[]) -%}
    {%- for column in [field] + parts %}
        {{ first_known(column, field) }} as {{ column }},
    {%- endfor %}
        {{ first_known("vendor", field) }} as {{ field }}_provenance
{%- endmacro %}


{% macro first_known(column, field) -%}
    (
        array_agg({{ column }} order by vendor_rank, updated_at desc nulls last, sighting_id)
        filter (where {{ field }} is not null)
    )[1]
{%- endmacro %}


{# Whether deals that only other vendors than reZEN know are counted. #}
{% macro counts_deals_outside_rezen() -%}
    {{ (var("count_deals_outside_rezen") in (true, "true")) | string | lower }}
{%- endmacro %}

{# Whether the vendor calls it a co-sponsorship, by name or by a share below the whole. #}
{% macro is_co_sponsorship(sponsorship_type, split_percent) -%}
    (
        upper(coalesce({{ sponsorship_type }}, '')) like 'CO%'
        or coalesce({{ split_percent }} between 0.01 and 99.99, false)
    )
{%- endmacro %}

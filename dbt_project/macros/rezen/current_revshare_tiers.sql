{# The rows of the seed revshare_tier that are valid today in the reporting zone. #}
{% macro current_revshare_tiers() -%}
    select *
    from {{ ref("revshare_tier") }}
    where
        {{ reporting_today() }} >= effective_from
        and {{ reporting_today() }} <= coalesce(effective_to, 'infinity'::date)
{%- endmacro %}

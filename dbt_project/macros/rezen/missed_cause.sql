{# Why a contribution was lost, out of the vendor's words. #}
{% macro missed_cause(reason) -%}
    case
        when upper({{ reason }}) like '%LOCK%' then 'locked_tier'
        when upper({{ reason }}) like '%CAP%' then 'capped_contributor'
        else 'missed'
    end
{%- endmacro %}

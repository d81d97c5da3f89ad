{# What another vendor has for a gap. Not what only Dotloop has: its terms forbid uses that core
   cannot keep apart (tag no_ai). #}
{% macro gap(rows, field) -%}
    case when {{ rows }}.{{ field }}_provenance <> 'dotloop' then {{ rows }}.{{ field }} end
{%- endmacro %}


{# The status we show: the seed's, else the vendor's own word in readable form, else what the group
   says. #}
{% macro shown_status(rows) -%}
    case
        when {{ rows }}.is_known_state or {{ rows }}.lifecycle_state is null
            then {{ rows }}.conformed_status
        else initcap(replace({{ rows }}.lifecycle_state, '_', ' '))
    end
{%- endmacro %}

{# Qualia says "posted" as an instant in one integration and as true or false in another. #}

{# Whether, out of an instant or a flag: an instant is true, nothing is null. #}
{% macro flag_of(expression) -%}
    case
        when nullif(btrim({{ expression }} #>> '{}'), '') is null then null
        when lower(btrim({{ expression }} #>> '{}')) in ('false', '0') then false
        else true
    end
{%- endmacro %}


{# When, out of an instant or a flag: a flag has none. #}
{% macro instant_of(expression) -%}
    {{ safe_instant("(" ~ expression ~ " #>> '{}')") }}
{%- endmacro %}


{# An address inside jsonb as columns with a prefix, such as `property_`. #}
{% macro address_columns(expression, prefix) -%}
    {{ json_text(expression, "address1") }} as {{ prefix }}street,
        {{ json_text(expression, "address2") }} as {{ prefix }}unit,
        {{ json_text(expression, "city") }} as {{ prefix }}city,
        {{ json_text(expression, "county") }} as {{ prefix }}county,
        {{ json_text(expression, "state") }} as {{ prefix }}state,
        {{ json_text(expression, "zipcode") }} as {{ prefix }}postal_code
{%- endmacro %}

{# The key of a reZEN address: a hash of its parts without case, spacing and spelling of keys. #}
{% macro address_hash(address) -%}
    {{ hash_of([
        "lower(" ~ json_text(address, "street") ~ ")",
        "lower(" ~ json_text(address, ["unit", "street2"]) ~ ")",
        "lower(" ~ json_text(address, "city") ~ ")",
        state_key(json_text(address, ["state", "stateOrProvince"])),
        "lower(replace(" ~ json_text(address, ["zip", "zipCode", "zipcode"]) ~ ", ' ', ''))",
    ]) }}
{%- endmacro %}


{# A state as the vendor's upper-snake key or code: "New York", NEW_YORK and US-NY alike. #}
{% macro state_key(expression) -%}
    regexp_replace(
        replace(replace(upper({{ expression }}), ' ', '_'), 'US-', ''), '^CA-', ''
    )
{%- endmacro %}

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


{# The address of a deal of several vendors in the form that reZEN sends, so that equal addresses
   have equal keys. #}
{% macro deal_address(rows) -%}
    jsonb_build_object(
        'street', {{ rows }}.street, 'unit', {{ rows }}.unit, 'city', {{ rows }}.city,
        'state', {{ rows }}.state_code, 'zip', {{ rows }}.postal_code
    )
{%- endmacro %}

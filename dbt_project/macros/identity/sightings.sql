{#
The columns that every vendor's deals are told in, so that they can be put one below the other.
What a vendor does not send is null. Pass only what it does send. Lists become text with commas:
dbt's unit tests know no arrays.
#}
{% macro deal_sighting(vendor, columns) -%}
    {%- set types = {
        "account_source_id": "text", "source_id": "text", "connection_id": "text",
        "is_listing": "boolean", "references": "list", "street": "text",
        "unit": "text", "city": "text", "state": "text", "postal_code": "text",
        "side": "text", "price_amount": "numeric", "price_currency": "text",
        "gross_commission_amount": "numeric", "gross_commission_currency": "text",
        "contract_date": "date", "estimated_closing_date": "date",
        "actual_closing_date": "date", "listing_date": "date",
        "expiration_date": "date", "agent_emails": "list", "agent_ids": "list",
        "mls_number": "text", "escrow_number": "text", "vendor_status": "text",
        "transaction_type": "text", "property_type": "text", "lead_source": "text",
        "buyer_name": "text", "seller_name": "text", "can_stand_alone": "boolean",
        "created_at": "timestamptz", "updated_at": "timestamptz",
    } -%}
    '{{ vendor }}' as vendor
    {%- for name, type in types.items() %},
        {% if type == "list" -%}
        nullif(array_to_string(({{ columns.get(name, "null") }})::text[], ','), '')
        {%- else -%}
        ({{ columns.get(name, "null") }})::{{ type }}
        {%- endif %} as {{ "reference_texts" if name == "references" else name }}
    {%- endfor %}
{%- endmacro %}


{# The account that a vendor's rows belong to: the registered one, else the connection. #}
{% macro account_of(rows) -%}
    coalesce(connections.account_source_id, {{ rows }}.connection_id)
{%- endmacro %}

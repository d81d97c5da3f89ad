{#
Every reference from one thing of a vendor to another that may lead nowhere: the vendor deleted it, a
credential does not see it, or it has not been read. References that we make ourselves (an agent, a
deal) may never; their tests are errors.

Each as (model, scope, what names a row within it, column, model referred to, its column); none is the
scope where ids hold over all accounts.
#}
{% macro vendor_references() -%}
    {%- do return([
        ("fub_person", "fub_account_id", "person_source_id", "assigned_user_source_id", "fub_user", "user_source_id"),
        ("fub_deal", "fub_account_id", "deal_source_id", "primary_person_source_id", "fub_person", "person_source_id"),
        ("fub_deal_person", "fub_account_id", "deal_source_id", "person_source_id", "fub_person", "person_source_id"),
        ("fub_deal_user", "fub_account_id", "deal_source_id", "user_source_id", "fub_user", "user_source_id"),
        ("fub_event", "fub_account_id", "event_source_id", "person_source_id", "fub_person", "person_source_id"),
        ("fub_call", "fub_account_id", "call_source_id", "person_source_id", "fub_person", "person_source_id"),
        ("lofty_lead", "lofty_account_id", "lead_source_id", "stage_source_id", "lofty_pipeline", "stage_source_id"),
        ("lofty_lead", "lofty_account_id", "lead_source_id", "assigned_user_source_id", "lofty_user", "user_source_id"),
        ("lofty_lead", "lofty_account_id", "lead_source_id", "pond_source_id", "lofty_pond", "pond_source_id"),
        ("lofty_communication", "lofty_account_id", "communication_source_id", "lead_source_id", "lofty_lead", "lead_source_id"),
        ("lofty_communication", "lofty_account_id", "communication_source_id", "user_source_id", "lofty_user", "user_source_id"),
        ("lofty_transaction", "lofty_account_id", "transaction_source_id", "lead_source_id", "lofty_lead", "lead_source_id"),
        ("lofty_transaction", "lofty_account_id", "transaction_source_id", "assigned_user_source_id", "lofty_user", "user_source_id"),
        ("lofty_activity", "lofty_account_id", ["created_milliseconds", "activity_type", "text_hash"], "lead_source_id", "lofty_lead", "lead_source_id"),
        ("lofty_note", "lofty_account_id", "note_source_id", "lead_source_id", "lofty_lead", "lead_source_id"),
        ("lofty_task", "lofty_account_id", "task_source_id", "lead_source_id", "lofty_lead", "lead_source_id"),
        ("lofty_task", "lofty_account_id", "task_source_id", "assigned_user_source_id", "lofty_user", "user_source_id"),
        ("lofty_appointment", "lofty_account_id", "appointment_source_id", "lead_source_id", "lofty_lead", "lead_source_id"),
        ("lofty_appointment", "lofty_account_id", "appointment_source_id", "assigned_user_source_id", "lofty_user", "user_source_id"),
        ("outgoing_payment", "receiving_agent_id", ["tier", "contributing_agent_id", "currency"], "payment_source_id", "revshare_payment", "payment_source_id"),
        ("agent_crosswalk", none, ["vendor", "account_source_id", "person_source_id"], "agent_id", "agent", "agent_id"),
        ("agent_commission", none, "agent_id", "agent_id", "agent", "agent_id"),
        ("price", none, "price_id", "product_id", "product", "product_id"),
        ("subscription_item", none, "subscription_item_id", "price_id", "price", "price_id"),
        ("subscription", none, "subscription_id", "customer_id", "customer", "customer_id"),
        ("invoice", none, "invoice_id", "customer_id", "customer", "customer_id"),
        ("invoice", none, "invoice_id", "subscription_id", "subscription", "subscription_id"),
    ]) -%}
{%- endmacro %}


{# The rows of one of them, with whether what they refer to is there. #}
{% macro resolved_reference(reference) -%}
    {%- set model, scope, row_id, column, to, field = reference -%}
    select
        '{{ model }}.{{ column }}' as reference,
        {{ "rows." ~ scope ~ "::text" if scope else "'all'" }} as scope_id,
        {% if row_id is string -%}
        rows.{{ row_id }}::text as row_id,
        {%- else -%}
        concat_ws(' ', rows.{{ row_id | join(", rows.") }}) as row_id,
        {%- endif %}
        rows.{{ column }} as missing_id,
        '{{ to }}' as missing_from,
        parents.{{ field }} is null as is_missing
    from {{ ref(model) }} as rows
    left join {{ ref(to) }} as parents
        on
            rows.{{ column }} = parents.{{ field }}
            {%- if scope %}
            and rows.{{ scope }} = parents.{{ scope }}
            {%- endif %}
    where rows.{{ column }} is not null
{%- endmacro %}

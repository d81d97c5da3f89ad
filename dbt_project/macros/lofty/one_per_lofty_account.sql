{# The rows of a Lofty account, once over its connections. #}
{% macro one_per_lofty_account(model, key, newest="staged.synced_at") %}
    {{ newest_per_account(
        model, key, "int_tenants__identified", "lofty_account_id", newest
    ) }}
{% endmacro %}


{# The columns of a list inside a lead, from the copy of the lead that was taken: the list is
   replaced as a whole with it. #}
{% macro list_of_leads(model, columns) %}
with

leads as (
    select * from {{ ref("lofty_lead") }}
),

items as (
    select * from {{ ref(model) }}
),

final as (
    select
        leads.lofty_account_id,
        leads.lead_source_id,
        {%- for column in columns %}
        items.{{ column }}{{ "," if not loop.last }}
        {%- endfor %}
    from leads
    inner join items
        on
            leads.read_through_connection_id = items.connection_id
            and leads.lead_source_id = items.lead_source_id
)

select * from final
{% endmacro %}

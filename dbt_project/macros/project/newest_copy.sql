{# Rows whose vendor id is unique over all accounts, once over the connections that show them: the
   newest copy. #}
{% macro newest_copy(model, key) %}
    select distinct on ({{ key }}) *
    from {{ ref(model) }}
    order by {{ key }}, synced_at desc, connection_id
{% endmacro %}

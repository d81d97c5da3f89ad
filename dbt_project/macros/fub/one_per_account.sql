{# The rows of a Follow Up Boss account, once over its connections. #}
{% macro one_per_account(model, key, newest="staged.updated_at", changed=none) %}
    {{ newest_per_account(model, key, "connection", "fub_account_id", newest, changed) }}
{% endmacro %}

{# Columns that add up to another one, to the last decimal. #}
{% test parts_add_up(model, total, parts) %}

    select {{ total }}
    from {{ model }}
    where
        {{ total }} is distinct from (
            {%- for part in parts %}
            {{ part }}{{ " +" if not loop.last }}
            {%- endfor %}
        )

{% endtest %}

{# References to rows that we do not have, within a scope (an account); nulls pass. #}
{% test dangling_reference(model, column_name, to, field, scope) %}

    select
        model.{{ scope }},
        model.{{ column_name }}
    from {{ model }} as model
    left join {{ to }} as parent
        on
            model.{{ scope }} = parent.{{ scope }}
            and model.{{ column_name }} = parent.{{ field }}
    where model.{{ column_name }} is not null and parent.{{ field }} is null

{% endtest %}

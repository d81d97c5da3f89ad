{# Values that a seed does not know yet; vendors add enum values, which pass through. #}
{% test known_values(model, column_name, seed, seed_column) %}

    select distinct model.{{ column_name }}
    from {{ model }} as model
    left join {{ seed }} as seed on model.{{ column_name }} = seed.{{ seed_column }}
    where model.{{ column_name }} is not null and seed.{{ seed_column }} is null

{% endtest %}

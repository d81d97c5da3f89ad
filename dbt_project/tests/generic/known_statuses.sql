{# Statuses of vendors that their seed does not know yet; they pass through. #}
{% test known_statuses(model, column_name, seed) %}

    select distinct
        model.vendor,
        model.deal_kind,
        model.{{ column_name }}
    from {{ model }} as model
    left join {{ seed }} as seed
        on
            model.vendor = seed.vendor
            and model.deal_kind = seed.deal_kind
            and lower(model.{{ column_name }}) = seed.vendor_status
    where
        model.vendor not in ('rezen', 'fub')
        and model.{{ column_name }} is not null
        and seed.vendor_status is null

{% endtest %}

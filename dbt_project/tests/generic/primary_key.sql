{# Each combination of the columns occurs once and none of them is null. #}
{% test primary_key(model, columns) %}

    select
        {{ columns | join(", ") }},
        count(*) as occurrences
    from {{ model }}
    group by {{ columns | join(", ") }}
    having
        count(*) > 1
        {%- for column in columns %} or {{ column }} is null{% endfor %}

{% endtest %}

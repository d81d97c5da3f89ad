{# A table has the sums of the fact that it is made of, for each value of the key. #}
{% test adds_up_to_fact(model, fact, key, columns) %}

    select
        {{ key | join(", ") }}
        {%- for column in columns %},
        sum({{ column }}) as {{ column }}
        {%- endfor %}
    from (
        {%- for relation, sign in {fact: "", model: "-"}.items() %}
        select
            {{ key | join(", ") }}
            {%- for column in columns %},
            {{ sign }}sum({{ column }}) as {{ column }}
            {%- endfor %}
        from {{ relation }}
        group by {{ key | join(", ") }}
        {{ "union all" if not loop.last }}
        {%- endfor %}
    ) as sums
    group by {{ key | join(", ") }}
    having
        {%- for column in columns %}
        {{ "or " if not loop.first }}sum({{ column }}) is distinct from 0
        {%- endfor %}

{% endtest %}

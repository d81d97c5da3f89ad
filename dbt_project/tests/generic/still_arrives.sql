{#
Of the rows that were read on the last day, some have a value. A field that a vendor renames does not
fail: it is empty from then on, and figures made of it would shrink day by day. So this stops what is
built on the model. What to do: raw_<vendor>.schema_drift has the new name, pipelines/<vendor>/models.py
takes it as a further name of the field, and a full sync reads the rows again.
#}
{% test still_arrives(model, columns, at_least=5) %}

    with

    read_of_late as (
        select * from {{ model }}
        where synced_at >= {{ as_of() }} - interval '1 day'
    )

    {% for column in columns %}
    select
        '{{ column }}' as empty_column,
        count(*) as rows_read
    from read_of_late
    having count(*) >= {{ at_least }} and count({{ column }}) = 0
    {% if not loop.last %}union all{% endif %}
    {% endfor %}

{% endtest %}

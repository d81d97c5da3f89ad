{# When an entity was last read without error; rows that did not change keep their own time. #}
{% macro last_good_sync(schema, entity) -%}
    select max(marks.finished_at)
    from {{ schema }}.sync_marks as marks
    inner join {{ schema }}._dlt_loads as loads on marks._dlt_load_id = loads.load_id
    where
        marks.entity = '{{ entity }}'
        and marks.status in ('ok', 'partial', 'not_available', 'not_permitted')
        and loads.status = 0
{%- endmacro %}

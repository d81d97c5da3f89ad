{#
How fresh an entity is: when the account in use that was read longest ago was last read without error;
rows that did not change keep their own time. An account that was never read counts from its
connection on. A vendor that nobody has connected is not late. The sandbox has a calendar of its own,
and dbt compares with the clock: the difference is taken off.
#}
{% macro last_good_sync(vendor, entity) -%}
    select coalesce(min(last_read.finished_at), {{ as_of() }}) + (now() - {{ as_of() }})
    from (
        select coalesce(max(marks.finished_at), connections.created_at) as finished_at
        from control.connections as connections
        left join (
            select
                marks.connection_id,
                marks.finished_at
            from raw_{{ vendor }}.sync_marks as marks
            inner join raw_{{ vendor }}._dlt_loads as loads
                on marks._dlt_load_id = loads.load_id
            where
                marks.entity = '{{ entity }}'
                and marks.status in ('ok', 'partial', 'not_available', 'not_permitted')
                and marks.mode is distinct from 'webhook'
                and loads.status = 0
        ) as marks on connections.connection_id = marks.connection_id
        where connections.vendor = '{{ vendor }}' and connections.status = 'active'
        group by connections.connection_id
    ) as last_read
{%- endmacro %}

{# What a CRM counts in an account and what is held of it: a column <list>_<vendor> and one <list>_ad
   for each of `lists` (list: model). Each connection is counted at its last good reading; the one
   that sees most tells for all. A list that the vendor does not count has null. #}
{% macro vendor_counts(vendor, lists, connections, account) %}
    select
        told.{{ account }},
        told.counted_at
        {%- for list in lists %},
        told.{{ list }}_{{ vendor }},
        coalesce({{ list }}.{{ list }}_ad, 0) as {{ list }}_ad
        {%- endfor %}
    from (
        select
            connections.{{ account }},
            max(latest.finished_at) as counted_at
            {%- for list in lists %},
            max(latest.vendor_count) filter (where latest.entity = '{{ list }}')
                as {{ list }}_{{ vendor }}
            {%- endfor %}
        from {{ ref(connections) }} as connections
        left join (
            select distinct on (connection_id, entity) *
            from {{ ref("stg_" ~ vendor ~ "__sync_marks") }}
            where reading_status = 'ok' and vendor_count is not null
            order by connection_id, entity, finished_at desc
        ) as latest on connections.connection_id = latest.connection_id
        where connections.{{ account }} is not null
        group by connections.{{ account }}
    ) as told
    {%- for list, model in lists.items() %}
    left join (
        select
            {{ account }},
            count(*) as {{ list }}_ad
        from {{ ref(model) }}
        group by {{ account }}
    ) as {{ list }} on told.{{ account }} = {{ list }}.{{ account }}
    {%- endfor %}
{% endmacro %}

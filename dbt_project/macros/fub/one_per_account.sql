{# A Follow Up Boss account can be connected through several users, and each connection has its own
   copies: the newest copy of each row, and in seen_by the connections that have one. #}
{% macro one_per_account(model, key, newest="staged.updated_at") %}
    select distinct on (connections.fub_account_id, {{ key }})
        connections.fub_account_id,
        staged.*,
        array_agg(staged.connection_id) over (
            partition by connections.fub_account_id, {{ key }}
            order by staged.connection_id
            rows between unbounded preceding and unbounded following
        ) as seen_by
    from {{ ref(model) }} as staged
    inner join {{ ref("connection") }} as connections
        on staged.connection_id = connections.connection_id
    where connections.fub_account_id is not null
    order by
        connections.fub_account_id, {{ key }},
        {{ newest }} desc nulls last, staged.synced_at desc, staged.connection_id
{% endmacro %}

{# An account can be connected through several users, and each connection has its own copies: the
   newest copy of each row, and in seen_by the connections that have one. `accounts` names for each
   connection its account in a column `account`. #}
{% macro newest_per_account(model, key, accounts, account, newest) %}
    select distinct on (connections.{{ account }}, {{ key }})
        connections.{{ account }},
        staged.*,
        array_agg(staged.connection_id) over (
            partition by connections.{{ account }}, {{ key }}
            order by staged.connection_id
            rows between unbounded preceding and unbounded following
        ) as seen_by
    from {{ ref(model) }} as staged
    inner join {{ ref(accounts) }} as connections
        on staged.connection_id = connections.connection_id
    where connections.{{ account }} is not null
    order by
        connections.{{ account }}, {{ key }},
        {{ newest }} desc nulls last, staged.synced_at desc, staged.connection_id
{% endmacro %}

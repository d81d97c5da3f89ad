{# An account can be connected through several users, and each connection has its own copies: the
   newest copy of each row, and in seen_by the connections that have one. Most accounts are connected
   once; their rows need not be sorted. `accounts` names for each connection its account in a column
   `account`; `changed` is a relation of an account's keys that alone are taken. #}
{% macro newest_per_account(model, key, accounts, account, newest, changed=none) %}
    select
        connections.{{ account }},
        staged.*,
        array[staged.connection_id] as seen_by
    from {{ ref(model) }} as staged
    inner join
        ({{ connections_of_accounts(accounts, account, are_shared=false) }}) as connections
        on staged.connection_id = connections.connection_id
    {{- among_changed(key, account, changed) }}

    union all

    (
        select distinct on (connections.{{ account }}, {{ key }})
            connections.{{ account }},
            staged.*,
            array_agg(staged.connection_id) over (
                partition by connections.{{ account }}, {{ key }}
                order by staged.connection_id
                rows between unbounded preceding and unbounded following
            ) as seen_by
        from {{ ref(model) }} as staged
        inner join
            ({{ connections_of_accounts(accounts, account, are_shared=true) }}) as connections
            on staged.connection_id = connections.connection_id
        {{- among_changed(key, account, changed) }}
        order by
            connections.{{ account }}, {{ key }},
            {{ newest }} desc nulls last, staged.synced_at desc, staged.connection_id
    )
{% endmacro %}


{# The connections of the accounts that have several, or of those that have one. #}
{% macro connections_of_accounts(accounts, account, are_shared) -%}
    select
        connection_id,
        {{ account }}
    from (
        select
            connection_id,
            {{ account }},
            count(*) over (partition by {{ account }}) as connection_count
        from {{ ref(accounts) }}
        where {{ account }} is not null
    ) as counted
    where connection_count {{ ">" if are_shared else "=" }} 1
{%- endmacro %}


{# Leaves a model's rows out that are not among the changed keys of their account. #}
{% macro among_changed(key, account, changed) -%}
    {%- if changed %}
    inner join {{ changed }} as changed_keys
        on
            connections.{{ account }} = changed_keys.{{ account }}
            and staged.row_key = changed_keys.{{ key | replace("staged.", "") }}
    {%- endif %}
{%- endmacro %}

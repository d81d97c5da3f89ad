{# Each version of a snapshot ends where the next one begins, and the last one is open. #}
{% test versions_follow_each_other(model, key) %}

    with versions as (
        select
            {{ key | join(", ") }},
            dbt_valid_from,
            dbt_valid_to,
            lead(dbt_valid_from) over (
                partition by {{ key | join(", ") }} order by dbt_valid_from
            ) as next_valid_from
        from {{ model }}
    )

    select *
    from versions
    where
        dbt_valid_to is distinct from next_valid_from
        or dbt_valid_to <= dbt_valid_from

{% endtest %}

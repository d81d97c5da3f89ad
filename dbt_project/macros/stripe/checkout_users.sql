{# Users by customer, as their checkouts were told them (client_reference_id): of several the latest
   that names a user. `users` is a CTE of app_user. #}
{% macro checkout_users(users) %}
    select distinct on (events.customer_source_id)
        events.customer_source_id,
        {{ users }}.agent_key
    from {{ ref("stg_stripe__events") }} as events
    inner join {{ users }} on events.user_source_id = {{ users }}.agent_key
    where events.customer_source_id is not null
    order by
        events.customer_source_id, events.created_at desc, events.event_source_id
{% endmacro %}

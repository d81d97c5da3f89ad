{# The rows of a block of title orders, from the copy of the order that was taken: a block is replaced
   as a whole with its order. #}
{% macro of_orders(model) %}
    select
        orders.title_order_id,
        orders.currency,
        items.*
    from {{ ref(model) }} as items
    inner join {{ ref("title_order") }} as orders
        on
            items.connection_id = orders.read_through_connection_id
            and items.order_source_id = orders.order_source_id
{% endmacro %}

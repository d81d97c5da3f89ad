{% snapshot snap_stripe_subscription %}

{{
    config(
        unique_key=["connection_id", "subscription_source_id", "item_source_id"],
        check_cols=[
            "subscription_status", "is_cancelled_at_period_end", "price_source_id",
            "quantity", "unit_amount", "currency", "is_collection_paused",
        ],
    )
}}

-- a subscription without items keeps a row of its own
select
    -- ids
    subscriptions.connection_id,
    subscriptions.subscription_source_id,
    coalesce(items.item_source_id, '') as item_source_id,
    subscriptions.customer_source_id,
    items.price_source_id,
    items.product_source_id,

    -- strings
    subscriptions.subscription_status,
    items.recurring_interval,
    coalesce(items.currency, subscriptions.currency) as currency,

    -- numerics
    items.quantity,
    items.unit_amount,
    items.recurring_interval_count,

    -- booleans
    coalesce(subscriptions.is_cancelled_at_period_end, false)
        as is_cancelled_at_period_end,
    subscriptions.is_collection_paused,

    -- dates
    subscriptions.started_at,
    subscriptions.ended_at
from {{ ref("stg_stripe__subscriptions") }} as subscriptions
left join {{ ref("stg_stripe__subscription_items") }} as items
    on
        subscriptions.connection_id = items.connection_id
        and subscriptions.subscription_source_id = items.subscription_source_id

{% endsnapshot %}

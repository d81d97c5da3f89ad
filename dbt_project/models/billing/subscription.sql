with

latest as (
    {{ newest_copy("stg_stripe__subscriptions", "subscription_source_id") }}
),

customers as (
    select * from {{ ref("customer") }}
),

users as (
    select * from {{ ref("app_user") }}
),

items as (
    select * from {{ ref("subscription_item") }}
),

totals as (
    select
        subscription_source_id,
        count(*) as item_count,
        sum(monthly_amount) as monthly_amount,
        count(*) filter (where is_metered) as metered_item_count,
        count(*) filter (where is_unpriced) as unpriced_item_count
    from items
    group by subscription_source_id
),

-- the price that it is known by: its plan, not its seats; else its dearest item
plans as (
    select distinct on (subscription_source_id)
        subscription_source_id,
        price_id,
        product_id,
        package_code
    from items
    order by
        subscription_source_id,
        (product_role <> 'plan'),
        (product_role = 'seat'),
        monthly_amount desc nulls last,
        item_source_id
),

discounts as (
    select distinct
        connection_id,
        subscription_source_id
    from {{ ref("stg_stripe__subscription_discounts") }}
),

final as (
    select
        -- ids
        {{ our_id("stripe", "latest.subscription_source_id") }} as subscription_id,
        latest.subscription_source_id,
        {{ our_id("stripe", "latest.customer_source_id") }} as customer_id,
        coalesce(users.agent_key, customers.agent_key) as agent_key,
        plans.price_id,
        plans.product_id,
        {{ our_id("stripe", "latest.latest_invoice_source_id") }} as latest_invoice_id,

        -- strings
        latest.subscription_status,
        plans.package_code,
        latest.collection_method,
        latest.collection_pause_behavior,
        latest.cancellation_reason,
        latest.cancellation_feedback,
        latest.currency,
        {{ mrr_class("latest.subscription_status", "latest.is_collection_paused") }}
            as mrr_class,

        -- numerics
        coalesce(totals.monthly_amount, 0) as monthly_amount,
        coalesce(totals.item_count, 0) as item_count,
        coalesce(totals.metered_item_count, 0) as metered_item_count,
        coalesce(totals.unpriced_item_count, 0) as unpriced_item_count,

        -- booleans
        coalesce(latest.is_cancelled_at_period_end, false)
            as is_cancelled_at_period_end,
        latest.is_collection_paused,
        discounts.subscription_source_id is not null as has_discount,
        coalesce(latest.is_live, false) as is_live,

        -- dates
        latest.started_at,
        latest.period_starts_at,
        latest.period_ends_at,
        latest.trial_starts_at,
        latest.trial_ends_at,
        latest.cancels_at,
        latest.cancelled_at,
        latest.ended_at,
        latest.collection_resumes_at,
        latest.created_at
    from latest
    left join customers on latest.customer_source_id = customers.customer_source_id
    left join users on latest.user_source_id = users.agent_key
    left join totals
        on latest.subscription_source_id = totals.subscription_source_id
    left join plans
        on latest.subscription_source_id = plans.subscription_source_id
    left join discounts
        on
            latest.connection_id = discounts.connection_id
            and latest.subscription_source_id = discounts.subscription_source_id
)

select * from final

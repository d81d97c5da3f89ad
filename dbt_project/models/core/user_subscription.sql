with

subscriptions as (
    select distinct on (subscription_source_id) *
    from {{ ref("stg_stripe__subscriptions") }}
    order by subscription_source_id, synced_at desc, connection_id
),

customers as (
    select distinct on (customer_source_id) *
    from {{ ref("stg_stripe__customers") }}
    order by customer_source_id, synced_at desc, connection_id
),

-- add-ons are items, too: the first item is the plan
plans as (
    select distinct on (subscription_source_id) *
    from {{ ref("stg_stripe__subscription_items") }}
    order by
        subscription_source_id, created_at nulls last, item_source_id, connection_id
),

products as (
    select distinct on (product_source_id) *
    from {{ ref("stg_stripe__products") }}
    order by product_source_id, synced_at desc, connection_id
),

users as (
    select * from {{ ref("app_user") }}
),

-- an address that two users share links neither
users_by_email as (
    select
        email,
        min(agent_key) as agent_key
    from users
    where email is not null
    group by email
    having count(*) = 1
),

checkouts as (
    {{ checkout_users("users") }}
),

linked as (
    select
        subscriptions.*,
        customers.email as customer_email,
        by_own_id.agent_key as own_id_key,
        by_customer_id.agent_key as customer_id_key,
        checkouts.agent_key as checkout_key,
        users_by_email.agent_key as email_key
    from subscriptions
    left join customers
        on subscriptions.customer_source_id = customers.customer_source_id
    left join users as by_own_id
        on subscriptions.user_source_id = by_own_id.agent_key
    left join users as by_customer_id
        on customers.user_source_id = by_customer_id.agent_key
    left join checkouts
        on customers.customer_source_id = checkouts.customer_source_id
    left join users_by_email on customers.email = users_by_email.email
),

final as (
    select
        -- ids
        {{ our_id("stripe", "linked.subscription_source_id") }} as subscription_id,
        linked.subscription_source_id,
        linked.customer_source_id,
        coalesce(
            linked.own_id_key,
            linked.customer_id_key,
            linked.checkout_key,
            linked.email_key
        ) as agent_key,
        plans.price_source_id,
        plans.product_source_id,

        -- strings
        case
            when linked.own_id_key is not null then 'subscription_user_id'
            when linked.customer_id_key is not null then 'customer_user_id'
            when linked.checkout_key is not null then 'checkout'
            when linked.email_key is not null then 'email'
        end as user_match_rule,
        linked.customer_email,
        linked.subscription_status,
        products.product_name as plan_name,
        plans.recurring_interval,
        plans.currency as unit_currency,

        -- numerics
        plans.quantity,
        plans.unit_amount,

        -- booleans
        coalesce(
            linked.subscription_status in ('active', 'trialing', 'past_due'), false
        ) as is_in_force,
        coalesce(linked.subscription_status in ('active', 'trialing'), false)
            as is_paid,
        coalesce(linked.is_cancelled_at_period_end, false)
            as is_cancelled_at_period_end,

        -- dates
        linked.started_at,
        linked.period_starts_at,
        linked.period_ends_at,
        linked.trial_ends_at,
        linked.cancelled_at,
        linked.ended_at
    from linked
    left join plans
        on linked.subscription_source_id = plans.subscription_source_id
    left join products on plans.product_source_id = products.product_source_id
)

select * from final

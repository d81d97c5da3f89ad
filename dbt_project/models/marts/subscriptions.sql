with

subscriptions as (
    select * from {{ ref("subscription") }}
),

customers as (
    select * from {{ ref("customer") }}
),

seats as (
    select * from {{ ref("seats") }}
),

packages as (
    select distinct on (package_code)
        package_code,
        package_name
    from {{ ref("subscription_package") }}
    order by package_code, currency
),

users as (
    select * from {{ ref("app_user") }}
),

final as (
    select
        -- ids
        subscriptions.subscription_id,
        subscriptions.subscription_source_id,
        subscriptions.customer_id,
        subscriptions.agent_key,
        users.agent_id,

        -- strings
        customers.customer_name,
        {{ or_unknown("subscriptions.package_code") }} as package_code,
        packages.package_name,
        subscriptions.subscription_status,
        {{ or_unknown("subscriptions.mrr_class") }} as mrr_class,
        {{ or_unknown("subscriptions.currency") }} as currency,

        -- numerics
        subscriptions.monthly_amount::numeric(20, 4) as monthly_amount,
        case
            when subscriptions.mrr_class = 'recurring' then subscriptions.monthly_amount
            else 0
        end::numeric(20, 4) as mrr_amount,
        seats.seats_included::bigint as seats_included,
        seats.seats_extra::bigint as seats_extra,
        seats.seats_bought::bigint as seats_bought,
        seats.seats_used,
        seats.seats_free::bigint as seats_free,

        -- booleans
        subscriptions.is_cancelled_at_period_end,
        subscriptions.is_collection_paused,
        subscriptions.has_discount,
        subscriptions.is_live,

        -- dates
        subscriptions.started_at,
        subscriptions.period_starts_at,
        subscriptions.period_ends_at,
        subscriptions.trial_ends_at,
        subscriptions.cancels_at,
        subscriptions.cancelled_at,
        subscriptions.ended_at,
        subscriptions.created_at
    from subscriptions
    left join customers on subscriptions.customer_id = customers.customer_id
    left join seats on subscriptions.subscription_id = seats.subscription_id
    left join packages on subscriptions.package_code = packages.package_code
    left join users on subscriptions.agent_key = users.agent_key
    where {{ demo_filter("coalesce(users.is_demo, false)") }}
)

select * from final

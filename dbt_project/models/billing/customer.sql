with

latest as (
    {{ newest_copy("stg_stripe__customers", "customer_source_id") }}
),

users as (
    select * from {{ ref("app_user") }}
),

emails as (
    select
        email,
        min(agent_key) as agent_key
    from users
    where email is not null
    group by email
    having count(*) = 1
),

-- what a checkout was told then; metadata are what holds now, and can be corrected
checkouts as (
    {{ checkout_users("users") }}
),

final as (
    select
        -- ids
        {{ our_id("stripe", "latest.customer_source_id") }} as customer_id,
        latest.customer_source_id,
        latest.user_source_id,
        coalesce(users.agent_key, checkouts.agent_key, emails.agent_key) as agent_key,

        -- strings
        latest.customer_name,
        latest.email,
        case
            when users.agent_key is not null then 'metadata'
            when checkouts.agent_key is not null then 'checkout'
            when emails.agent_key is not null then 'email'
            else 'unknown'
        end as agent_key_provenance,
        latest.currency,

        -- numerics
        latest.balance_amount,

        -- booleans
        coalesce(latest.is_delinquent, false) as is_delinquent,
        coalesce(latest.is_live, false) as is_live,

        -- dates
        latest.created_at
    from latest
    left join users on latest.user_source_id = users.agent_key
    left join checkouts
        on latest.customer_source_id = checkouts.customer_source_id
    left join emails on latest.email = emails.email
)

select * from final

with

subscriptions as (
    select * from {{ ref("subscription") }}
    where subscription_status not in ('canceled', 'incomplete_expired')
),

items as (
    select * from {{ ref("subscription_item") }}
),

prices as (
    select * from {{ ref("price") }}
),

users as (
    select * from {{ ref("app_user") }}
),

members as (
    select * from {{ ref("team_member") }}
),

included as (
    select
        subscription_id,
        sum(seats_included * quantity) as seats_included
    from items
    group by subscription_id
),

named as (
    select
        items.subscription_id,
        prices.seat_price_id
    from items
    inner join prices on items.price_id = prices.price_id
    where prices.seat_price_id is not null
),

-- seats are bought as a product of their own, or by the price that the plan names
extra as (
    select
        items.subscription_id,
        sum(items.quantity) as seats_extra
    from items
    where
        items.product_role = 'seat'
        or (items.subscription_id, items.price_id) in (
            select
                named.subscription_id,
                named.seat_price_id
            from named
        )
    group by items.subscription_id
),

-- whoever pays leads the team whose people sit on the seats
rosters as (
    select
        users.agent_key,
        count(distinct seated.agent_id) as seats_used
    from users
    inner join members as leaders
        on users.agent_id = leaders.agent_id and leaders.is_leader
    inner join members as seated
        on leaders.team_id = seated.team_id and seated.is_active
    group by users.agent_key
),

final as (
    select
        -- ids
        subscriptions.subscription_id,
        subscriptions.customer_id,
        subscriptions.agent_key,

        -- strings
        subscriptions.package_code,
        subscriptions.subscription_status,

        -- numerics
        coalesce(included.seats_included, 0) as seats_included,
        coalesce(extra.seats_extra, 0) as seats_extra,
        coalesce(included.seats_included, 0) + coalesce(extra.seats_extra, 0)
            as seats_bought,
        rosters.seats_used,
        coalesce(included.seats_included, 0) + coalesce(extra.seats_extra, 0)
        - rosters.seats_used as seats_free
    from subscriptions
    left join included
        on subscriptions.subscription_id = included.subscription_id
    left join extra on subscriptions.subscription_id = extra.subscription_id
    left join rosters on subscriptions.agent_key = rosters.agent_key
    where included.seats_included > 0 or extra.seats_extra > 0
)

select * from final

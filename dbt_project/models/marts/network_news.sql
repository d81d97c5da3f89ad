with

users as (
    select * from {{ ref("app_user") }}
    where agent_id is not null and {{ demo_filter("is_demo") }}
),

agents as (
    select * from {{ ref("agent") }}
),

addresses as (
    select
        address_id,
        nullif(concat_ws(', ', street, city, state_code), '') as one_line
    from {{ ref("address") }}
),

members as (
    select
        owner_agent_id,
        member_agent_id,
        tier
    from {{ ref("network_member") }}
),

sighted as (
    select * from {{ ref("int_deals__sighted") }}
),

network as (
    select
        users.agent_key,
        changes.news_date,
        changes.news_kind,
        changes.member_agent_id as subject_id,
        changes.member_agent_id,
        null::text as subject,
        changes.member_name,
        changes.tier,
        changes.value_old,
        changes.value_new,
        null::numeric as amount,
        null::text as currency,
        changes.detected_at
    from {{ ref("int_changes__daily") }} as changes
    inner join users on changes.owner_agent_id = users.agent_id
),

-- a deal is news to those whose own account shows it
viewers as (
    select distinct
        viewers.transaction_id,
        users.agent_key,
        users.agent_id
    from {{ ref("transaction_viewer") }} as viewers
    inner join users on viewers.agent_key = users.agent_key
),

closed as (
    select
        changes.transaction_id,
        changes.old_value,
        changes.new_value,
        {{ reporting_date("changes.detected_at") }} as news_date,
        changes.detected_at
    from {{ ref("transaction_history") }} as changes
    inner join sighted
        on changes.transaction_id = sighted.deal_id and not sighted.is_listing
    where
        changes.attribute = 'lifecycle_group'
        and changes.new_value = 'CLOSED'
        and (
            changes.detected_at > sighted.first_seen_at
            or changes.changed_at >= changes.detected_at - interval '7 days'
        )
),

closings as (
    select distinct on (viewers.agent_key, closed.news_date, closed.transaction_id)
        viewers.agent_key,
        closed.news_date,
        'closing' as news_kind,
        closed.transaction_id as subject_id,
        transactions.owner_agent_id as member_agent_id,
        coalesce(addresses.one_line, transactions.transaction_code) as subject,
        agents.full_name as member_name,
        case
            when transactions.owner_agent_id = viewers.agent_id then 0
            else members.tier
        end as tier,
        closed.old_value as value_old,
        closed.new_value as value_new,
        financials.price_amount as amount,
        financials.currency,
        closed.detected_at
    from closed
    inner join viewers on closed.transaction_id = viewers.transaction_id
    inner join {{ ref("transaction") }} as transactions
        on closed.transaction_id = transactions.transaction_id
    inner join {{ ref("transaction_financials") }} as financials
        on closed.transaction_id = financials.transaction_id
    left join addresses on transactions.address_id = addresses.address_id
    left join agents on transactions.owner_agent_id = agents.agent_id
    left join members
        on
            viewers.agent_id = members.owner_agent_id
            and transactions.owner_agent_id = members.member_agent_id
    order by
        viewers.agent_key asc, closed.news_date asc, closed.transaction_id asc,
        closed.detected_at desc
),

listing_viewers as (
    select
        listing_id,
        owner_agent_id as agent_id
    from {{ ref("listing") }}
    union
    select
        listing_id,
        agent_id
    from {{ ref("participant") }}
    where listing_id is not null
),

-- an old listing that a new account shows is no news
new_listings as (
    select
        users.agent_key,
        {{ reporting_date("sighted.first_seen_at") }} as news_date,
        'new_listing' as news_kind,
        listings.listing_id as subject_id,
        listings.owner_agent_id as member_agent_id,
        coalesce(addresses.one_line, listings.listing_code) as subject,
        agents.full_name as member_name,
        case
            when listings.owner_agent_id = users.agent_id then 0
            else members.tier
        end as tier,
        null::text as value_old,
        listings.listing_status as value_new,
        listings.list_price_amount as amount,
        listings.currency,
        sighted.first_seen_at as detected_at
    from {{ ref("listing") }} as listings
    inner join sighted on listings.listing_id = sighted.deal_id and sighted.is_listing
    inner join listing_viewers on listings.listing_id = listing_viewers.listing_id
    inner join users on listing_viewers.agent_id = users.agent_id
    left join addresses on listings.address_id = addresses.address_id
    left join agents on listings.owner_agent_id = agents.agent_id
    left join members
        on
            users.agent_id = members.owner_agent_id
            and listings.owner_agent_id = members.member_agent_id
    where listings.created_at >= sighted.first_seen_at - interval '7 days'
),

revenue as (
    select * from {{ ref("int_revenue__changed") }}
),

revenue_news as (
    select
        users.agent_key,
        revenue.news_date,
        'revenue' as news_kind,
        'revenue_share:' || revenue.currency as subject_id,
        null::text as member_agent_id,
        'Revenue share' as subject,
        null::text as member_name,
        null::smallint as tier,
        revenue.amount_before::text as value_old,
        revenue.amount_after::text as value_new,
        revenue.amount_after - revenue.amount_before as amount,
        revenue.currency,
        revenue.measured_at as detected_at
    from revenue
    inner join users on revenue.agent_id = users.agent_id
),

combined as (
    select * from network
    union all
    select * from closings
    union all
    select * from new_listings
    union all
    select * from revenue_news
),

final as (
    select
        agent_key,
        news_date,
        news_kind,
        subject_id,
        member_agent_id,
        member_name,
        tier::smallint as tier,
        subject,
        value_old,
        value_new,
        amount::numeric(20, 4) as amount,
        currency,
        detected_at
    from combined
    where news_date > {{ reporting_today() }} - 92
)

select * from final

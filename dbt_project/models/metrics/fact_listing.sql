with

listings as (
    select * from {{ ref("listing") }}
),

-- the first sale that a listing became
sales as (
    select distinct on (listing_id)
        listing_id,
        contract_date
    from {{ ref("transaction") }}
    where listing_id is not null and contract_date is not null
    order by listing_id, contract_date, transaction_id
),

agents as (
    select * from {{ ref("agent") }}
),

addresses as (
    select * from {{ ref("address") }}
),

-- on the market until there is a buyer; when a terminated listing left it is not told
dated as (
    select
        listings.*,
        case
            when listings.listing_status = 'Active' then {{ reporting_today() }}
            when listings.lifecycle_group in ('OPEN', 'CLOSED')
                then coalesce(sales.contract_date, listings.closed_on)
        end as off_market_date
    from listings
    left join sales on listings.listing_id = sales.listing_id
),

timed as (
    select
        *,
        {{ known_date("listing_date") }} as period_date,
        case
            when
                {{ known_date("listing_date") }} = listing_date
                and off_market_date >= listing_date
                then off_market_date - listing_date
        end as days
    from dated
),

final as (
    select
        -- ids
        timed.listing_id,
        {{ or_unknown("timed.owner_agent_id") }} as agent_id,
        {{ or_unknown("coalesce(timed.team_id, agents.team_id)") }} as team_id,
        coalesce(
            timed.currency, {{ currency_of_country("addresses.country") }}, 'USD'
        ) as currency,

        -- strings
        timed.listing_status,
        {{ or_unknown("timed.lifecycle_state") }} as lifecycle_state,
        {{ or_unknown("timed.property_type") }} as property_type,
        {{ day_bucket("timed.days", var("dom_buckets")) }} as dom_bucket,

        -- numerics
        1 as listings,
        (timed.listing_status = 'Active')::int as active_listings,
        (timed.listing_status = 'In Contract')::int as in_contract_listings,
        (timed.listing_status = 'Closed')::int as closed_listings,
        (timed.listing_status = 'Terminated')::int as terminated_listings,
        (
            timed.listing_status
            not in ('Active', 'In Contract', 'Closed', 'Terminated')
        )::int as unknown_listings,
        (timed.list_price_amount is not null)::int as priced_listings,
        coalesce(timed.list_price_amount, 0) as list_volume_amount,
        case
            when timed.listing_status = 'Active'
                then coalesce(timed.list_price_amount, 0)
            else 0
        end as active_list_volume_amount,
        coalesce(timed.days, 0) as days_on_market,
        (timed.days is not null)::int as timed_listings,

        -- dates
        timed.period_date,
        date_trunc('month', timed.period_date)::date as period_month
    from timed
    left join agents on timed.owner_agent_id = agents.agent_id
    left join addresses on timed.address_id = addresses.address_id
    where {{ not_demo("timed.owner_agent_id") }}
)

select * from final

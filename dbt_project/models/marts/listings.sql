with

facts as (
    select * from {{ ref("fact_listing") }}
),

listings as (
    select * from {{ ref("listing") }}
),

addresses as (
    select * from {{ ref("address") }}
),

agents as (
    select * from {{ ref("agent") }}
),

teams as (
    select * from {{ ref("team") }}
),

final as (
    select
        -- ids
        facts.listing_id,
        listings.listing_source_id,
        listings.listing_code,
        facts.agent_id as owner_agent_id,
        agents.agent_key as owner_agent_key,
        facts.team_id,

        -- strings
        agents.full_name as owner_name,
        teams.team_name,
        facts.listing_status,
        facts.lifecycle_state,
        facts.property_type,
        listings.mls_number,
        addresses.street,
        addresses.city,
        addresses.state_code,
        addresses.zip,
        addresses.country,
        facts.dom_bucket,
        facts.currency,

        -- numerics
        listings.list_price_amount::numeric(20, 4) as list_price_amount,
        case when facts.timed_listings = 1 then facts.days_on_market end
            as days_on_market,

        -- dates
        listings.listing_date,
        facts.period_month as listing_month,
        listings.expiration_date,
        listings.closed_on as closed_date,
        listings.created_at,
        listings.updated_at
    from facts
    inner join listings on facts.listing_id = listings.listing_id
    left join addresses on listings.address_id = addresses.address_id
    left join agents on facts.agent_id = agents.agent_id
    left join teams on facts.team_id = teams.team_id
)

select * from final

with

sightings as (
    select * from {{ ref("deal_sighting") }}
    where deal_id is not null
),

deals as (
    select * from {{ ref("deal") }}
),

final as (
    select
        -- ids
        sightings.vendor,
        sightings.account_source_id,
        sightings.source_id,
        sightings.sighting_id,
        sightings.connection_id,
        sightings.deal_id,
        deals.transaction_id,
        deals.listing_id,
        sightings.joined_to_id,

        -- strings
        sightings.match_rule,
        sightings.decided_by,

        -- numerics
        sightings.score,

        -- booleans
        deals.is_in_rezen
    from sightings
    inner join deals on sightings.deal_id = deals.deal_id
)

select * from final

with

sightings as (
    select * from {{ ref("int_sightings__normalised") }}
),

younger as (
    select * from sightings
    where vendor <> 'rezen'
),

named as (
    select
        sightings.sighting_id,
        sightings.vendor,
        btrim(names.reference) as reference
    from sightings
    cross join
        lateral unnest(string_to_array(sightings.reference_texts, ','))
            as names (reference)
),

references_sent as (
    select
        named.sighting_id,
        deals.sighting_id as candidate_id
    from named
    inner join named as deals on named.reference = deals.reference
    where named.vendor <> 'rezen' and deals.vendor = 'rezen'
),

same_street as (
    select
        younger.sighting_id,
        elders.sighting_id as candidate_id
    from younger
    inner join sightings as elders
        on
            younger.street_key = elders.street_key
            and younger.deal_kind = elders.deal_kind
            and (younger.vendor_rank, younger.sighting_id)
            > (elders.vendor_rank, elders.sighting_id)
),

priced as (
    select
        sightings.*,
        agents.agent_id,
        floor(sightings.price_amount) as price_floor
    from sightings
    cross join
        lateral unnest(string_to_array(sightings.agent_ids, ',')) as agents (agent_id)
    where sightings.price_amount is not null
),

-- an address that is missing, or spelled in a way that no list knows: for people to see
same_agent_and_price as (
    select distinct
        mine.sighting_id,
        elders.sighting_id as candidate_id
    from priced as mine
    cross join (values (-1), (0), (1)) as steps (step)
    inner join priced as elders
        on
            mine.agent_id = elders.agent_id
            and mine.price_floor + steps.step = elders.price_floor
            and mine.deal_kind = elders.deal_kind
            and (mine.vendor_rank, mine.sighting_id)
            > (elders.vendor_rank, elders.sighting_id)
    where
        mine.vendor <> 'rezen'
        and (
            mine.street_key is null
            or elders.street_key is null
            or mine.street_number = elders.street_number
        )
),

combined as (
    select
        *,
        true as is_reference
    from references_sent
    union all
    select
        *,
        false as is_reference
    from same_street
    union all
    select
        *,
        false as is_reference
    from same_agent_and_price
),

pairs as (
    select
        sighting_id,
        candidate_id,
        bool_or(is_reference) as is_reference
    from combined
    group by sighting_id, candidate_id
)

select * from pairs

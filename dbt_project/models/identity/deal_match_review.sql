with

matches as (
    select * from {{ ref("int_matches__decided") }}
),

resolved as (
    select * from {{ ref("int_sightings__resolved") }}
    where match_state = 'review'
),

-- a torn record says "same" about two deals; the others have candidates in doubt
open_matches as (
    select
        matches.*,
        resolved.review_reason
    from matches
    inner join resolved on matches.sighting_id = resolved.sighting_id
    where
        matches.outcome in ('low_score', 'several_candidates')
        or resolved.review_reason = 'torn'
),

pairs as (
    select * from {{ ref("int_pairs__scored") }}
),

sightings as (
    select * from {{ ref("int_sightings__normalised") }}
),

final as (
    select
        -- ids
        open_matches.sighting_id,
        open_matches.candidate_id,
        mine.vendor,
        mine.source_id,

        -- strings
        case
            when open_matches.review_reason = 'torn' then 'two_deals'
            else open_matches.outcome
        end as reason,
        open_matches.match_rule,
        mine.deal_kind,
        mine.street,
        mine.unit,
        candidates.street as candidate_street,
        candidates.unit as candidate_unit,
        mine.price_currency,
        candidates.price_currency as candidate_price_currency,

        -- numerics
        open_matches.score,
        pairs.address_score,
        pairs.price_score,
        pairs.date_score,
        pairs.side_score,
        pairs.agent_score,
        pairs.mls_score,
        mine.price_amount,
        candidates.price_amount as candidate_price_amount
    from open_matches
    inner join sightings as mine on open_matches.sighting_id = mine.sighting_id
    inner join sightings as candidates
        on open_matches.candidate_id = candidates.sighting_id
    left join pairs
        on
            open_matches.sighting_id = pairs.sighting_id
            and open_matches.candidate_id = pairs.candidate_id
)

select * from final

with recursive

sightings as (
    select * from {{ ref("int_sightings__normalised") }}
),

matches as (
    select * from {{ ref("int_matches__decided") }}
    where outcome <> 'outdone'
),

doubtful as (
    select distinct sighting_id
    from matches
    where outcome in ('low_score', 'several_candidates')
),

-- one elder for each record, the most trusted of those that it is the same as; a record
-- in doubt has none
parents as (
    select distinct on (matches.sighting_id)
        matches.sighting_id,
        matches.candidate_id,
        matches.match_rule,
        matches.score
    from matches
    left join doubtful on matches.sighting_id = doubtful.sighting_id
    where
        matches.outcome = 'same'
        and doubtful.sighting_id is null
    order by
        matches.sighting_id, matches.candidate_rank, matches.score desc,
        matches.candidate_id
),

chains as (
    select
        sightings.sighting_id,
        sightings.sighting_id as root_id,
        array[sightings.sighting_id] as path
    from sightings
    left join parents on sightings.sighting_id = parents.sighting_id
    where parents.sighting_id is null

    union all

    select
        parents.sighting_id,
        chains.root_id,
        chains.path || parents.sighting_id as path
    from chains
    inner join parents on chains.sighting_id = parents.candidate_id
),

roots as (
    select
        chains.root_id,
        bool_or(sightings.can_stand_alone) as can_stand_alone
    from chains
    inner join sightings on chains.sighting_id = sightings.sighting_id
    group by chains.root_id
),

pairs as (
    select * from {{ ref("int_pairs__scored") }}
),

-- what the records of one deal have to agree on: the most trusted one tells
members as (
    select
        chains.root_id,
        sightings.*
    from chains
    inner join sightings on chains.sighting_id = sightings.sighting_id
),

terms as (
    select
        root_id,
        {{ first_known("side", "nullif(side, 'both')") }} as side,
        {{ first_known("unit_key", "unit_key") }} as unit_key
    from members
    group by root_id
),

-- a record that is like two which turned out to be different deals; or that came to its
-- deal by way of a third although its first record says no, as over a title order with
-- agents of both sides
torn as (
    select matches.sighting_id
    from matches
    inner join chains on matches.candidate_id = chains.sighting_id
    where matches.outcome = 'same'
    group by matches.sighting_id
    having count(distinct chains.root_id) > 1

    union

    select parents.sighting_id
    from parents
    inner join chains on parents.sighting_id = chains.sighting_id
    inner join terms on chains.root_id = terms.root_id
    inner join sightings on parents.sighting_id = sightings.sighting_id
    left join pairs
        on
            parents.sighting_id = pairs.sighting_id
            and chains.root_id = pairs.candidate_id
    where
        parents.match_rule = 'likeness'
        and (
            (sightings.side in ('buy', 'sell') and sightings.side <> terms.side)
            or sightings.unit_key <> terms.unit_key
            or coalesce(pairs.is_contradicted, true)
        )
),

-- whoever is joined to a record in doubt is in doubt with it
doubts as (
    select
        chains.sighting_id,
        bool_or(torn.sighting_id = chains.sighting_id) as is_torn,
        bool_or(doubtful.sighting_id = chains.sighting_id) as is_doubtful
    from chains
    cross join lateral unnest(chains.path) as steps (sighting_id)
    left join torn on steps.sighting_id = torn.sighting_id
    left join doubtful on steps.sighting_id = doubtful.sighting_id
    where coalesce(torn.sighting_id, doubtful.sighting_id) is not null
    group by chains.sighting_id
),

final as (
    select
        sightings.sighting_id,
        case
            when doubts.sighting_id is not null then 'review'
            when root_sightings.vendor = 'rezen' then 'in_rezen'
            when root_sightings.street_key is null then 'unidentified'
            when not roots.can_stand_alone then 'no_deal'
            else 'outside_rezen'
        end as match_state,
        case
            when doubts.is_torn then 'torn'
            when doubts.is_doubtful then 'doubtful'
            when doubts.sighting_id is not null then 'joined_to_doubtful'
        end as review_reason,
        chains.root_id,
        parents.candidate_id as joined_to_id,
        case
            when sightings.vendor = 'rezen' then 'id'
            when parents.sighting_id is not null then parents.match_rule
            else 'alone'
        end as match_rule,
        case
            when sightings.vendor = 'rezen' then 1.00
            else parents.score
        end as score
    from sightings
    inner join chains on sightings.sighting_id = chains.sighting_id
    inner join roots on chains.root_id = roots.root_id
    inner join sightings as root_sightings
        on chains.root_id = root_sightings.sighting_id
    left join parents on sightings.sighting_id = parents.sighting_id
    left join doubts on sightings.sighting_id = doubts.sighting_id
)

select * from final

with

sightings as (
    select * from {{ ref("int_sightings__normalised") }}
),

scored as (
    select * from {{ ref("int_pairs__scored") }}
),

decided as (
    select
        vendor || ':' || source_id as sighting_id,
        candidate_id,
        decision
    from {{ ref("deal_match_decision") }}
),

-- of the two, the younger record joins the elder, whichever way round people wrote it
ordered as (
    select
        case when is_turned then candidate_id else sighting_id end as sighting_id,
        case when is_turned then sighting_id else candidate_id end as candidate_id,
        case when is_turned then candidate_rank else own_rank end as own_rank,
        case when is_turned then own_rank else candidate_rank end as candidate_rank,
        decision
    from (
        select
            decided.*,
            mine.vendor_rank as own_rank,
            elders.vendor_rank as candidate_rank,
            coalesce(
                (mine.vendor_rank, mine.sighting_id)
                < (elders.vendor_rank, elders.sighting_id),
                false
            ) as is_turned
        from decided
        inner join sightings as mine on decided.sighting_id = mine.sighting_id
        left join sightings as elders on decided.candidate_id = elders.sighting_id
    ) as turned
),

by_people as (
    select distinct
        sighting_id,
        candidate_id,
        candidate_rank,
        'decision' as match_rule,
        1.00 as score,
        'same' as outcome
    from ordered
    where decision = 'same' and candidate_rank is not null
),

open_pairs as (
    select
        scored.sighting_id,
        scored.candidate_id,
        scored.candidate_vendor,
        scored.candidate_rank,
        case when scored.is_reference then 'reference' else 'likeness' end
            as match_rule,
        scored.score
    from scored
    where
        scored.score >= {{ var("deal_match_review_score") }}
        and not exists (
            select 1
            from by_people
            where by_people.sighting_id = scored.sighting_id
        )
        and not exists (
            select 1
            from ordered
            where
                ordered.decision = 'different'
                and ordered.sighting_id = scored.sighting_id
                and (
                    ordered.candidate_id = 'none'
                    or ordered.candidate_id = scored.candidate_id
                )
        )
),

-- a reference stands above likeness; deals of reZEN above records of other vendors
strongest as (
    select *
    from (
        select
            *,
            case
                when match_rule = 'reference' then 1
                when candidate_rank = 1 then 2
                else 3
            end as tier,
            min(
                case
                    when match_rule = 'reference' then 1
                    when candidate_rank = 1 then 2
                    else 3
                end
            ) over (partition by sighting_id) as best_tier
        from open_pairs
    ) as tiered
    where tier = best_tier
),

measured as (
    select
        *,
        max(score) over (partition by sighting_id) as best_score,
        max(score) over (
            partition by sighting_id, candidate_vendor
        ) as best_of_vendor
    from strongest
),

-- a candidate that comes close to the best one of its vendor is a rival
counted as (
    select
        *,
        count(*) filter (
            where score > best_of_vendor - {{ var("deal_match_margin") }}
        ) over (partition by sighting_id, candidate_vendor) as rivals,
        score > best_of_vendor - {{ var("deal_match_margin") }} as is_close
    from measured
),

by_rule as (
    select
        sighting_id,
        candidate_id,
        candidate_rank,
        match_rule,
        score,
        case
            when best_score < {{ var("deal_match_accept_score") }} then 'low_score'
            when not is_close then 'outdone'
            when best_of_vendor < {{ var("deal_match_accept_score") }} then 'outdone'
            when rivals > 1 then 'several_candidates'
            else 'same'
        end as outcome
    from counted
),

final as (
    select * from by_people
    union all
    select * from by_rule
)

select * from final

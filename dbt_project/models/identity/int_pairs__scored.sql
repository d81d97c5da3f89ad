with

pairs as (
    select * from {{ ref("int_pairs__found") }}
),

sightings as (
    select * from {{ ref("int_sightings__normalised") }}
),

compared as (
    select
        pairs.*,
        younger.vendor,
        elders.vendor as candidate_vendor,
        elders.vendor_rank as candidate_rank,
        younger.street_key = elders.street_key as is_same_street,
        younger.street_number = elders.street_number as is_same_number,
        younger.postal_key = elders.postal_key as is_same_postal,
        younger.city_key = elders.city_key as is_same_city,
        younger.state_code = elders.state_code as is_same_state,
        younger.unit_key = elders.unit_key as is_same_unit,
        (younger.unit_key is null) <> (elders.unit_key is null) as is_unit_missing,
        abs(younger.price_amount - elders.price_amount) as price_apart,
        younger.price_currency = elders.price_currency as is_same_currency,
        {{ days_apart("younger", "elders") }} as days_apart,
        case
            when younger.side is null or elders.side is null then 'unknown'
            when younger.side = elders.side then 'same'
            when 'both' in (younger.side, elders.side) then 'unknown'
            else 'opposite'
        end as sides,
        case
            when younger.agent_keys is null or elders.agent_keys is null then 'unknown'
            when
                string_to_array(younger.agent_keys, ',')
                && string_to_array(elders.agent_keys, ',')
                then 'same'
            else 'others'
        end as agents,
        coalesce(younger.mls_number = elders.mls_number, false) as is_same_mls,
        younger.lifecycle_group in ('CLOSED', 'TERMINATED')
        and elders.lifecycle_group in ('CLOSED', 'TERMINATED')
        and younger.lifecycle_group <> elders.lifecycle_group as is_end_different
    from pairs
    inner join sightings as younger on pairs.sighting_id = younger.sighting_id
    inner join sightings as elders on pairs.candidate_id = elders.sighting_id
),

-- what each likeness is worth; all of them together are 1
weighed as (
    select
        *,
        case
            when is_same_street and is_same_postal then 0.40
            when is_same_street and is_same_city then 0.35
            when is_same_street then 0.25
            else 0.10
        end
        - case when is_unit_missing then 0.15 else 0 end as address_score,
        case
            when price_apart is null then 0.03
            when not coalesce(is_same_currency, true) then 0
            when price_apart = 0 then 0.25
            when price_apart <= {{ var("deal_match_price_tolerance") }} then 0.22
            else 0
        end as price_score,
        case
            when days_apart is null then 0.02
            when days_apart <= 3 then 0.10
            when days_apart <= {{ var("deal_match_days") }} then 0.07
            else 0
        end as date_score,
        case sides when 'same' then 0.10 else 0.05 end as side_score,
        case agents when 'same' then 0.15 when 'unknown' then 0.03 else -0.10 end
            as agent_score,
        case when is_same_mls then 0.10 else 0 end as mls_score,
        -- with one of these, no sum of likenesses is enough
        not coalesce(is_same_street, false)
        or not coalesce(is_same_currency, true)
        or is_unit_missing
        or coalesce(days_apart, 9999) > {{ var("deal_match_days") }}
        or agents = 'others'
        or is_end_different as is_capped,
        not coalesce(is_same_currency, true)
        or coalesce(days_apart > {{ var("deal_match_days") }}, false)
        or agents = 'others'
        or is_end_different as is_contradicted
    from compared
),

added as (
    select
        *,
        address_score + price_score + date_score + side_score + agent_score
        + mls_score as likeness
    from weighed
),

scored as (
    select
        sighting_id,
        candidate_id,
        vendor,
        candidate_vendor,
        candidate_rank,
        is_reference,
        address_score,
        price_score,
        date_score,
        side_score,
        agent_score,
        mls_score,
        is_contradicted,
        case
            -- somebody may have typed the code of another deal
            when
                is_reference
                and not coalesce(is_same_number, true)
                and not coalesce(
                    price_apart <= {{ var("deal_match_price_tolerance") }}, true
                )
                then 0.70
            when is_reference then 1.00
            when is_capped
                then least(likeness, {{ var("deal_match_accept_score") }} - 0.01)
            else least(likeness, 1.00)
        end as score
    from added
    where
        is_reference
        or (
            sides <> 'opposite'
            and coalesce(is_same_unit, true)
            and coalesce(is_same_state, true)
            and (
                coalesce(is_same_postal, true)
                or coalesce(is_same_city, false)
            )
            and (coalesce(is_same_postal, false) or coalesce(is_same_city, true))
            and coalesce(days_apart <= 365, true)
        )
)

select * from scored

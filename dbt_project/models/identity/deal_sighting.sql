with

sightings as (
    select * from {{ ref("int_sightings__normalised") }}
),

resolved as (
    select * from {{ ref("int_sightings__resolved") }}
),

final as (
    select
        -- ids
        sightings.sighting_id,
        sightings.vendor,
        sightings.account_source_id,
        sightings.connection_id,
        sightings.source_id,
        case
            when resolved.match_state in ('in_rezen', 'outside_rezen')
                then resolved.root_id
        end as deal_id,
        resolved.joined_to_id,

        -- strings
        sightings.deal_kind,
        resolved.match_state,
        resolved.review_reason,
        resolved.match_rule,
        case when resolved.match_rule = 'decision' then 'people' else 'rule' end
            as decided_by,
        sightings.vendor_status,
        sightings.lifecycle_group,
        sightings.street,
        sightings.unit,
        sightings.city,
        sightings.state_code,
        sightings.price_currency,

        -- numerics
        resolved.score,
        sightings.price_amount,

        -- dates
        sightings.contract_date,
        sightings.estimated_closing_date,
        sightings.actual_closing_date,
        sightings.created_at,
        sightings.updated_at
    from sightings
    inner join resolved on sightings.sighting_id = resolved.sighting_id
)

select * from final

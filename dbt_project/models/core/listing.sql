with

deals as (
    select * from {{ ref("int_deals__classified") }}
    where is_listing
),

participants as (
    select * from {{ ref("participant") }}
),

known_elsewhere as (
    select * from {{ ref("deal") }}
    where deal_kind = 'listing' and is_in_rezen
),

outside as (
    select * from {{ ref("listing_outside_rezen") }}
    where {{ counts_deals_outside_rezen() }}
),

first_own_agents as (
    select distinct on (listing_id)
        listing_id,
        agent_id
    from participants
    where can_own and is_listing
    order by listing_id, created_at nulls last, participant_source_id
),

in_rezen as (
    select
        -- ids
        {{ our_id("rezen", "deals.deal_source_id") }} as listing_id,
        deals.deal_source_id as listing_source_id,
        deals.transaction_code as listing_code,
        coalesce(
            {{ our_id("rezen", "deals.owner_source_id") }}, first_own_agents.agent_id
        ) as owner_agent_id,
        {{ our_id("rezen", "deals.team_source_id") }} as team_id,
        {{ our_id("rezen", "deals.office_source_id") }} as office_id,
        deals.journey_source_id,
        case
            when jsonb_typeof(deals.address) = 'object'
                then {{ address_hash("deals.address") }}
        end as address_id,

        -- strings
        deals.lifecycle_state,
        deals.lifecycle_state as stage,
        deals.lifecycle_group,
        deals.conformed_status as listing_status,
        {{ shown_status("deals") }} as status,
        deals.property_type,
        coalesce(deals.mls_number, {{ gap("known_elsewhere", "mls_number") }})
            as mls_number,
        deals.price_currency as currency,

        -- numerics
        deals.price_amount as list_price_amount,

        -- booleans
        deals.has_detail,

        -- dates
        deals.listing_date,
        deals.listing_expiration_date as expiration_date,
        deals.closed_on,
        deals.created_at,
        deals.updated_at,
        deals.synced_at
    from deals
    left join first_own_agents
        on {{ our_id("rezen", "deals.deal_source_id") }} = first_own_agents.listing_id
    left join known_elsewhere
        on {{ our_id("rezen", "deals.deal_source_id") }} = known_elsewhere.deal_id
),

final as (
    select
        *,
        true as is_in_rezen
    from in_rezen
    union all
    select
        *,
        false as is_in_rezen
    from outside
)

select * from final

with

deals as (
    select * from {{ ref("deal") }}
    where deal_kind = 'listing' and not is_in_rezen
),

final as (
    select
        -- ids
        deals.listing_id,
        deals.deal_source_id as listing_source_id,
        null::text as listing_code,
        deals.owner_agent_id,
        null::text as team_id,
        null::text as office_id,
        null::text as journey_source_id,
        {{ address_hash(deal_address("deals")) }} as address_id,

        -- strings
        deals.vendor_status as lifecycle_state,
        deals.vendor_status as stage,
        deals.lifecycle_group,
        deals.deal_status as listing_status,
        deals.deal_status as status,
        deals.property_type,
        deals.mls_number,
        deals.price_currency as currency,

        -- numerics
        deals.price_amount as list_price_amount,

        -- booleans
        false as has_detail,

        -- dates
        deals.listing_date,
        deals.expiration_date,
        case when deals.lifecycle_group = 'CLOSED' then deals.actual_closing_date end
            as closed_on,
        deals.created_at,
        deals.updated_at,
        deals.updated_at as synced_at
    from deals
)

select * from final

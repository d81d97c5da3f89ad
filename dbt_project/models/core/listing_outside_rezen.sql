with

deals as (
    select * from {{ ref("deal") }}
    where deal_kind = 'listing' and not is_in_rezen
),

final as (
    select
        -- ids
        listing_id,
        deal_source_id as listing_source_id,
        null::text as listing_code,
        owner_agent_id,
        null::text as team_id,
        null::text as office_id,
        null::text as journey_source_id,
        {{ address_hash(deal_address("deals")) }} as address_id,

        -- strings
        vendor_status as lifecycle_state,
        vendor_status as stage,
        lifecycle_group,
        deal_status as listing_status,
        deal_status as status,
        property_type,
        mls_number,
        price_currency as currency,

        -- numerics
        price_amount as list_price_amount,

        -- booleans
        false as has_detail,

        -- dates
        listing_date,
        expiration_date,
        case when lifecycle_group = 'CLOSED' then actual_closing_date end as closed_on,
        created_at,
        updated_at,
        updated_at as synced_at
    from deals
)

select * from final

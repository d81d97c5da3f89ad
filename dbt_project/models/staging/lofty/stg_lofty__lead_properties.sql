with

source as (
    select * from {{ ref("stg_lofty__leads") }}
),

renamed as (
    select
        -- ids
        source.connection_id,
        source.lead_source_id,
        elements.position as property_position,
        {{ lofty_id("elements.item ->> 'id'") }} as property_source_id,
        {{ lofty_id("elements.item ->> 'listingId'") }} as listing_source_id,
        {{ lofty_id("elements.item ->> 'autoListingId'") }} as auto_listing_source_id,

        -- strings
        {{ json_text('elements.item', 'label') }} as label,
        {{ json_text('elements.item', 'listingStatus') }} as listing_status,
        {{ json_text('elements.item', 'propertyType') }} as property_type,
        {{ json_text('elements.item', 'propertySource') }} as property_source,
        {{ json_text('elements.item', 'streetAddress') }} as street_address,
        {{ json_text('elements.item', 'city') }} as city,
        {{ json_text('elements.item', 'state') }} as state,
        {{ json_text('elements.item', 'zipCode') }} as postal_code,
        {{ json_text('elements.item', 'county') }} as county,
        {{ json_text('elements.item', 'siteListingUrl') }} as site_url,

        -- numerics
        {{ lofty_figure(json_numeric('elements.item', 'price')) }} as price_amount,
        {{ lofty_figure(json_numeric('elements.item', 'priceMin')) }}
            as min_price_amount,
        {{ lofty_figure(json_numeric('elements.item', 'priceMax')) }}
            as max_price_amount,
        {{ lofty_figure(json_numeric('elements.item', 'bedrooms')) }} as bedrooms,
        {{ lofty_figure(json_numeric('elements.item', 'bathrooms')) }} as bathrooms,
        {{ lofty_figure(json_numeric('elements.item', 'squareFeet')) }} as square_feet,
        {{ lofty_figure(json_numeric('elements.item', 'lotSize')) }} as lot_size,
        {{ lofty_figure(json_numeric('elements.item', 'floors')) }} as floors,
        {{ lofty_figure(json_numeric('elements.item', 'parkingSpace')) }}
            as parking_spaces,

        -- booleans
        {{ json_boolean('elements.item', 'mailAddress') }} as is_mailing_address,

        -- dates
        {{ safe_instant("elements.item ->> 'createTime'") }} as created_at,

        -- loading
        source.synced_at
    from source
    cross join
        lateral {{ json_elements("source.lead_property_list") }}
        with ordinality as elements (item, position)
)

select * from renamed

with

source as (
    select * from {{ ref("stg_lofty__leads") }}
),

renamed as (
    select
        -- ids
        connection_id,
        lead_source_id,
        {{ lofty_id("lead_inquiry ->> 'id'") }} as inquiry_source_id,

        -- json
        lead_inquiry -> 'propertyType' as property_types,
        lead_inquiry -> 'locations' as locations,

        -- numerics
        {{ lofty_figure(json_numeric('lead_inquiry', 'priceMin')) }}
            as min_price_amount,
        {{ lofty_figure(json_numeric('lead_inquiry', 'priceMax')) }}
            as max_price_amount,
        {{ lofty_figure(json_numeric('lead_inquiry', 'bedroomsMin')) }} as min_bedrooms,
        {{ lofty_figure(json_numeric('lead_inquiry', 'bedroomsMax')) }} as max_bedrooms,
        {{ lofty_figure(json_numeric('lead_inquiry', 'bathroomsMin')) }}
            as min_bathrooms,
        {{ lofty_figure(json_numeric('lead_inquiry', 'bathroomsMax')) }}
            as max_bathrooms,

        -- booleans
        {{ json_boolean('lead_inquiry', 'modifyByAgent') }} as is_modified_by_agent,
        {{ json_boolean('lead_inquiry', 'defaultValue') }} as is_default,

        -- dates
        {{ safe_instant("lead_inquiry ->> 'createTime'") }} as created_at,
        {{ safe_instant("lead_inquiry ->> 'updateTime'") }} as updated_at,

        -- loading
        synced_at
    from source
    where jsonb_typeof(lead_inquiry) = 'object'
)

select * from renamed

with

source as (
    {{ live_rows("skyslope", "listings") }}
),

renamed as (
    select
        -- ids
        connection_id,
        {{ present('listing_guid') }} as listing_source_id,
        lower({{ present('agent_guid') }}) as agent_user_source_id,
        lower({{ present('created_by_guid') }}) as creator_user_source_id,
        lower({{ present('office_guid') }}) as office_source_id,
        {{ present('mls_number') }} as mls_number,
        {{ present('file_id') }} as file_number,
        lower({{ present('co_listing_agent_guid') }}) as co_lister_user_source_id,
        lower({{ present('referring_agent_guid') }}) as referring_user_source_id,

        -- strings
        {{ present('status') }} as file_status,
        {{ json_text('stage', 'name') }} as stage_name,
        {{ present('checklist_type') }} as checklist_type_name,
        {{ present('source') }} as lead_source,
        {{ present('other_source') }} as other_lead_source,
        {{ present('type') }} as listing_type,
        {{ present('company') }} as company,
        lower({{ present('email') }}) as file_email,
        {{ present('url') }} as file_url,
        {{ json_text('property', 'streetNumber') }} as street_number,
        {{ json_text('property', 'streetAddress') }} as street_name,
        {{ json_text('property', 'unit') }} as unit,
        {{ json_text('property', 'city') }} as city,
        {{ json_text('property', 'county') }} as county,
        {{ json_text('property', 'state') }} as state,
        {{ json_text('property', 'zip') }} as postal_code,

        -- json
        sellers,
        misc_contact,
        coalesce(home_warranty_contact, home_warranty) as home_warranty_contact,
        co_agent_guids,
        custom_fields,

        -- numerics
        listing_price as listing_price_amount,

        -- commission
        {{ commission_columns() }},

        -- dates
        listing_date,
        expiration_date,
        created_on as created_at,
        modified_on as modified_at,

        -- loading
        _synced_at as synced_at
    from source
)

select * from renamed

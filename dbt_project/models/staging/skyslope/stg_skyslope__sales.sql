with

source as (
    {{ live_rows("skyslope", "sales") }}
),

renamed as (
    select
        -- ids
        connection_id,
        {{ present('sale_guid') }} as sale_source_id,
        lower({{ present('listing_guid') }}) as listing_source_id,
        lower({{ present('agent_guid') }}) as agent_user_source_id,
        lower({{ present('created_by_guid') }}) as creator_user_source_id,
        lower({{ present('office_guid') }}) as office_source_id,
        {{ present('mls_number') }} as mls_number,
        {{ present('file_id') }} as file_number,
        {{ present('escrow_number') }} as escrow_number,
        {{ present('apn') }} as parcel_number,

        -- strings
        {{ present('status') }} as file_status,
        {{ json_text('stage', 'name') }} as stage_name,
        {{ present('checklist_type') }} as checklist_type_name,
        {{ present('source') }} as lead_source,
        {{ present('other_source') }} as other_lead_source,
        {{ present('deal_type') }} as deal_type,
        {{ present('co_broker_company') }} as co_broker_company,
        lower(coalesce({{ present('email') }}, {{ present('portal_email') }}))
            as file_email,
        {{ present('url') }} as file_url,
        {{ json_text('commission_referral', 'brokerageName') }}
            as referral_brokerage,
        {{ json_text('property', 'streetNumber') }} as street_number,
        {{ json_text('property', 'streetAddress') }} as street_name,
        {{ json_text('property', 'unit') }} as unit,
        {{ json_text('property', 'city') }} as city,
        {{ json_text('property', 'county') }} as county,
        {{ json_text('property', 'state') }} as state,
        {{ json_text('property', 'zip') }} as postal_code,

        -- json
        buyers,
        sellers,
        title_contact,
        escrow_contact,
        lender_contact,
        other_side_agent_contact,
        attorney_contact,
        misc_contact,
        home_warranty_contact,
        commission_splits,
        commission_breakdowns,
        commission_referral,
        co_agent_guids,
        transaction_coordinators,
        custom_fields,

        -- numerics
        listing_price as listing_price_amount,
        sale_price as sale_price_amount,
        {{ json_numeric('earnest_money_deposit', 'depositAmount') }}
            as earnest_deposit_amount,

        -- booleans
        is_office_lead,

        -- commission
        {{ commission_columns('commission_referral') }},

        -- dates
        escrow_closing_date as estimated_closing_date,
        actual_closing_date,
        coalesce(contract_acceptance_date, contract_accepted_date)
            as contract_acceptance_date,
        dead_date,
        created_on as created_at,
        modified_on as modified_at,

        -- loading
        _synced_at as synced_at
    from source
)

select * from renamed

with

source as (
    {{ live_rows("dotloop", "loops") }}
),

merged as (
    select * from {{ ref("stg_dotloop__merged_loops") }}
),

-- a merged loop stays in raw until all loops are read again
current_loops as (
    select source.*
    from source
    left join merged
        on
            source.connection_id = merged.connection_id
            and source.profile_id = merged.profile_source_id
            and source.id = merged.old_loop_source_id
    where merged.old_loop_source_id is null
),

renamed as (
    select
        -- ids
        connection_id,
        {{ present('profile_id') }} as profile_source_id,
        {{ present('id') }} as loop_source_id,
        {{ foreign_id('owner_profile_id') }} as owner_profile_source_id,
        {{ loop_text('Property Address', 'MLS Number') }} as mls_number,
        {{ loop_text('Property Address', 'Parcel/Tax ID') }} as parcel_number,
        {{ loop_text('Contract Info', 'Transaction Number') }} as transaction_number,

        -- strings
        'dotloop' as source_system,
        {{ present('name') }} as loop_name,
        {{ present('transaction_type') }} as transaction_type,
        {{ present('status') }} as loop_status,
        {{ present('loop_url') }} as loop_url,
        {{ loop_text('Property Address', 'Street Number') }} as street_number,
        {{ loop_text('Property Address', 'Street Name') }} as street_name,
        {{ loop_text('Property Address', 'Unit Number') }} as unit,
        {{ loop_text('Property Address', 'City') }} as city,
        {{ loop_text('Property Address', 'County') }} as county,
        {{ loop_text('Property Address', 'State/Prov') }} as state,
        {{ loop_text('Property Address', 'Zip/Postal Code') }} as postal_code,
        {{ loop_text('Property Address', 'Country') }} as country,
        {{ loop_text('Property', 'Type') }} as property_type,
        {{ loop_text('Contract Info', 'Class') }} as contract_class,
        {{ loop_text('Contract Info', 'Type') }} as contract_type,
        {{ loop_text('Referral', 'Referral Source') }} as lead_source,
        {{ loop_text('Financials', 'Earnest Money Held By') }} as earnest_money_holder,
        {{ loop_text('Listing Information', 'Description of Other Liens') }}
            as other_liens_description,
        {{ loop_text('Listing Information', "Homeowner's Association") }}
            as homeowners_association,
        {{ loop_text('Listing Information', 'Property Includes') }}
            as property_includes,
        {{ loop_text('Listing Information', 'Property Excludes') }}
            as property_excludes,
        {{ loop_text('Listing Information', 'Remarks') }} as remarks,
        {{ loop_text('Geographic Description', 'MLS Area') }} as mls_area,
        {{ loop_text('Geographic Description', 'Legal Description') }}
            as legal_description,
        {{ loop_text('Geographic Description', 'Map Grid') }} as map_grid,
        {{ loop_text('Geographic Description', 'Subdivision') }} as subdivision,
        {{ loop_text('Geographic Description', 'Lot') }} as lot,
        {{ loop_text('Geographic Description', 'Deed Page') }} as deed_page,
        {{ loop_text('Geographic Description', 'Deed Book') }} as deed_book,
        {{ loop_text('Geographic Description', 'Section') }} as plat_section,
        {{ loop_text('Geographic Description', 'Addition') }} as plat_addition,
        {{ loop_text('Geographic Description', 'Block') }} as plat_block,
        {{ loop_text('Property', 'Year Built') }} as year_built,
        {{ loop_text('Property', 'School District') }} as school_district,
        {{ loop_text('Property', 'Lot Size') }} as lot_size,

        -- json
        details,

        -- numerics
        {{ loop_amount('Financials', 'Purchase/Sale Price') }} as sale_price_amount,
        {{ loop_percent('Financials', 'Sale Commission Rate') }} as commission_percent,
        {{ loop_amount('Financials', 'Sale Commission Total') }} as commission_amount,
        {{ loop_percent('Financials', 'Sale Commission Split % - Buy Side') }}
            as buy_side_percent,
        {{ loop_percent('Financials', 'Sale Commission Split % - Sell Side') }}
            as sell_side_percent,
        {{ loop_amount('Financials', 'Sale Commission Split $ - Buy Side') }}
            as buy_side_amount,
        {{ loop_amount('Financials', 'Sale Commission Split $ - Sell Side') }}
            as sell_side_amount,
        {{ loop_amount('Financials', 'Earnest Money Amount') }} as earnest_money_amount,
        {{ loop_amount('Financials', 'Rent') }} as rent_amount,
        {{ loop_amount('Financials', 'Rent Commission Amount') }}
            as rent_commission_amount,
        {{ loop_percent('Referral', 'Referral %') }} as referral_percent,
        {{ loop_amount('Listing Information', 'Original Price') }}
            as original_price_amount,
        {{ loop_amount('Listing Information', 'Current Price') }}
            as current_price_amount,
        {{ loop_amount('Listing Information', '1st Mortgage Balance') }}
            as first_mortgage_balance_amount,
        {{ loop_amount('Listing Information', '2nd Mortgage Balance') }}
            as second_mortgage_balance_amount,
        {{ loop_amount('Listing Information', 'Other Liens') }} as other_liens_amount,
        {{ loop_amount('Listing Information', "Homeowner's Association Dues") }}
            as homeowners_association_dues_amount,
        {{ loop_amount('Listing Information', 'Total Encumbrances') }}
            as total_encumbrances_amount,
        {{ loop_amount('Property', 'Bedrooms') }} as bedroom_count,
        {{ loop_amount('Property', 'Bathrooms') }} as bathroom_count,
        {{ loop_amount('Property', 'Square Footage') }} as square_footage,
        total_task_count,
        completed_task_count,

        -- booleans
        coalesce(status = 'ARCHIVED', false) as is_archived,

        -- dates
        {{ loop_date('Contract Dates', 'Contract Agreement Date') }}
            as contract_agreement_date,
        {{ loop_date('Contract Dates', 'Closing Date') }} as closing_date,
        {{ loop_date('Offer Dates', 'Inspection Date') }} as inspection_date,
        {{ loop_date('Offer Dates', 'Offer Date') }} as offer_date,
        {{ loop_date('Offer Dates', 'Offer Expiration Date') }}
            as offer_expiration_date,
        {{ loop_date('Offer Dates', 'Occupancy Date') }} as occupancy_date,
        {{ loop_date('Contract Info', 'Start Date') }} as contract_start_date,
        {{ loop_date('Contract Info', 'End Date') }} as contract_end_date,
        {{ loop_date('Listing Information', 'Listing Date') }} as listing_date,
        {{ loop_date('Listing Information', 'Expiration Date') }}
            as listing_expiration_date,
        created as created_at,
        updated as updated_at,

        -- loading
        _synced_at as synced_at
    from current_loops
)

select * from renamed

with

source as (
    {{ live_rows("lofty", "transactions") }}
),

renamed as (
    select
        -- ids
        connection_id,
        {{ present('transaction_id') }} as transaction_source_id,
        {{ lofty_id('lead_id') }} as lead_source_id,
        {{ lofty_id('property_id') }} as property_source_id,
        {{ lofty_id('assigned_agent') }} as assigned_user_source_id,

        -- strings
        {{ present('transaction_name') }} as transaction_name,
        {{ present('lead_name') }} as lead_name,
        {{ present('agent_name') }} as agent_name,
        {{ present('transaction_type') }} as transaction_type,
        {{ present('transaction_status') }} as stage_name,

        -- json
        custom_fields,

        -- numerics
        {{ lofty_figure('home_price') }} as home_price_amount,
        {{ lofty_figure('gci') }} as gci_amount,
        {{ lofty_figure('team_revenue') }} as team_revenue_amount,
        {{ lofty_figure('agent_revenue') }} as agent_revenue_amount,
        {{ lofty_figure('commission_rate') }} as commission_percent,

        -- dates
        created as created_at,
        updated as updated_at,
        expected_close_date as expected_close_at,
        close_date as closed_at,
        appointment_date as appointment_at,
        agreement_signed_date as agreement_signed_at,
        offer_date as offered_at,
        contract_date as contracted_at,
        appraisal_date as appraised_at,
        home_inspection_date as inspected_at,
        escrow_date as escrow_at,
        expiration as expires_at,

        -- loading
        _synced_at as synced_at
    from source
)

select * from renamed

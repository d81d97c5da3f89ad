with

source as (
    {{ live_rows("qualia", "orders") }}
),

renamed as (
    select
        -- ids
        connection_id,
        {{ present('id') }} as order_source_id,
        {{ present('settlement_agency_id') }} as agency_source_id,
        {{ present('order_number') }} as order_number,
        {{ present('external_reference_number') }} as external_reference_number,

        -- strings
        {{ order_status('status') }} as order_status,
        upper({{ present('transaction_type') }}) as transaction_type,
        {{ address_columns('closing_location', 'closing_') }},

        -- json
        properties,
        loans,
        disbursement_accounts,

        -- numerics
        purchase_price as purchase_price_amount,
        earnest_amount,

        -- dates
        created_date as opened_at,
        estimated_closing as estimated_closing_at,
        close_date as closed_at,
        disbursement_date as disbursed_at,
        cancelled_date as cancelled_at,

        -- loading
        _synced_at as synced_at
    from source
),

staged as (
    select
        *,
        case
            when order_status = 'CLOSED' and disbursed_at is not null then 'DISBURSED'
            else order_status
        end as order_stage
    from renamed
)

select * from staged

with

source as (
    {{ live_rows("rezen", "revshare_pending") }}
),

renamed as (
    select
        -- ids
        connection_id,
        coalesce({{ present('id') }}, {{ present('row_key') }})
            as contribution_source_id,
        {{ present('agent_yenta_id') }} as contributor_source_id,
        {{ present('transaction_id') }} as transaction_source_id,
        {{ present('outgoing_payment_id') }} as payment_source_id,

        -- strings
        {{ present('agent_name') }} as contributor_name,
        {{ present('transaction_code') }} as transaction_code,
        {{ present('transaction_type') }} as transaction_type,
        {{ present('transaction_status') }} as transaction_status,
        {{ present('status') }} as contribution_status,
        {{ present('pending_reason') }} as pending_reason,
        {{ present('missed_reason') }} as missed_reason,
        {{ currency_code('payout_currency') }} as currency,
        {{ currency_code('contribution_base_currency') }} as base_currency,

        -- numerics
        tier,
        payout_amount,
        contribution_base_amount as base_amount,

        -- booleans
        coalesce(missed, upper({{ present('status') }}) = 'MISSED', false) as is_missed,

        -- dates
        coalesce({{ reporting_date('earned_at') }}, closing_date) as earned_date,
        earned_at,

        -- loading
        _synced_at as synced_at
    from source
)

select * from renamed

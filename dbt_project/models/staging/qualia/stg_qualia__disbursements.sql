with

source as (
    {{ live_rows("qualia", "disbursements") }}
),

renamed as (
    select
        -- ids
        connection_id,
        {{ present('order_id') }} as order_source_id,
        position as disbursement_position,

        -- strings
        {{ present('payee_name') }} as payee_name,
        upper({{ present('status') }}) as disbursement_status,

        -- numerics
        amount as disbursement_amount,

        -- booleans
        coalesce({{ flag_of('posted') }}, upper({{ present('status') }}) = 'POSTED')
            as is_posted,
        coalesce({{ flag_of('voided') }}, upper({{ present('status') }}) = 'VOIDED')
            as is_voided,

        -- dates
        {{ instant_of('posted') }} as posted_at,
        {{ instant_of('voided') }} as voided_at,

        -- loading
        _synced_at as synced_at
    from source
)

select * from renamed

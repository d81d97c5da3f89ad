with

source as (
    {{ live_rows("qualia", "receipts") }}
),

renamed as (
    select
        -- ids
        connection_id,
        {{ present('order_id') }} as order_source_id,
        position as receipt_position,

        -- strings
        {{ present('received_from') }} as received_from,
        {{ present('for_benefit_of') }} as for_benefit_of,

        -- numerics
        amount as receipt_amount,

        -- booleans
        {{ flag_of('posted') }} as is_posted,
        {{ flag_of('voided') }} as is_voided,

        -- dates
        {{ instant_of('posted') }} as posted_at,
        {{ instant_of('voided') }} as voided_at,

        -- loading
        _synced_at as synced_at
    from source
)

select * from renamed

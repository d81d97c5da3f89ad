with

source as (
    {{ live_rows("qualia", "charges") }}
),

renamed as (
    select
        -- ids
        connection_id,
        {{ present('order_id') }} as order_source_id,
        position as charge_position,

        -- strings
        upper({{ present('section') }}) as section,
        case
            when {{ present('line_number') }} ~ '^[0-9]$'
                then '0' || {{ present('line_number') }}
            else {{ present('line_number') }}
        end as line_number,
        {{ present('description') }} as charge_description,
        {{ present('payee_name') }} as payee_name,

        -- json
        payees,

        -- numerics
        borrower_amount,
        seller_amount,

        -- loading
        _synced_at as synced_at
    from source
)

select * from renamed

with

source as (
    {{ live_rows("qualia", "statement_lines") }}
),

renamed as (
    select
        -- ids
        connection_id,
        {{ present('order_id') }} as order_source_id,
        position as line_position,

        -- strings
        {{ present('description') }} as line_description,
        {{ present('payee_name') }} as payee_name,

        -- numerics
        borrower_amount,
        seller_amount,

        -- loading
        _synced_at as synced_at
    from source
)

select * from renamed

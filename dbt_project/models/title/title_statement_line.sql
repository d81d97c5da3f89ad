with

lines as (
    {{ of_orders("stg_qualia__statement_lines") }}
),

final as (
    select
        -- ids
        title_order_id,
        line_position,

        -- strings
        line_description,
        payee_name,

        -- numerics
        borrower_amount,
        seller_amount,
        currency
    from lines
)

select * from final

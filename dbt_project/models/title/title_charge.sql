with

charges as (
    {{ of_orders("stg_qualia__charges") }}
),

final as (
    select
        -- ids
        title_order_id,
        charge_position,

        -- strings
        section,
        line_number,
        charge_description,
        payee_name,

        -- numerics
        borrower_amount,
        seller_amount,
        coalesce(borrower_amount, 0) + coalesce(seller_amount, 0) as charge_amount,
        currency
    from charges
)

select * from final

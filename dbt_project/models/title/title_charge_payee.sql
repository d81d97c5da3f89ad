with

payees as (
    {{ of_orders("stg_qualia__charge_payees") }}
),

final as (
    select
        -- ids
        title_order_id,
        charge_position,
        payee_position,

        -- strings
        payee_type,
        payee_name,
        payee_label,

        -- numerics
        payee_amount,
        currency
    from payees
)

select * from final

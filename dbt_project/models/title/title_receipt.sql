with

receipts as (
    {{ of_orders("stg_qualia__receipts") }}
),

final as (
    select
        -- ids
        title_order_id,
        receipt_position,

        -- strings
        received_from,
        for_benefit_of,

        -- numerics
        receipt_amount,
        currency,

        -- booleans
        coalesce(is_posted, false) as is_posted,
        coalesce(is_voided, false) as is_voided,
        coalesce(is_posted and not coalesce(is_voided, false), false) as is_effective,

        -- dates
        posted_at,
        {{ reporting_date("posted_at") }} as posted_on,
        voided_at
    from receipts
)

select * from final

with

disbursements as (
    {{ of_orders("stg_qualia__disbursements") }}
),

final as (
    select
        -- ids
        title_order_id,
        disbursement_position,

        -- strings
        payee_name,
        disbursement_status,

        -- numerics
        disbursement_amount,
        currency,

        -- booleans
        is_posted,
        is_voided,
        coalesce(is_posted and not is_voided, false) as is_effective,

        -- dates
        posted_at,
        {{ reporting_date("posted_at") }} as posted_on,
        voided_at
    from disbursements
)

select * from final

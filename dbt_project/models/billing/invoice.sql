with

latest as (
    {{ newest_copy("stg_stripe__invoices", "invoice_source_id") }}
),

customers as (
    select * from {{ ref("customer") }}
),

final as (
    select
        -- ids
        {{ our_id("stripe", "latest.invoice_source_id") }} as invoice_id,
        latest.invoice_source_id,
        latest.invoice_number,
        {{ our_id("stripe", "latest.customer_source_id") }} as customer_id,
        {{ our_id("stripe", "latest.subscription_source_id") }} as subscription_id,
        customers.agent_key,

        -- strings
        latest.invoice_status,
        latest.billing_reason,
        latest.collection_method,
        latest.currency,

        -- numerics
        latest.subtotal_amount,
        latest.total_amount,
        latest.due_amount,
        latest.paid_amount,
        latest.remaining_amount,
        latest.attempt_count,

        -- booleans
        coalesce(latest.invoice_status = 'paid', false) as is_paid,
        coalesce(latest.is_live, false) as is_live,

        -- dates
        latest.created_at,
        {{ reporting_date("latest.created_at") }} as created_on,
        {{ known_month(reporting_date("latest.created_at")) }} as created_month,
        latest.items_from_at,
        latest.items_to_at,
        latest.next_attempt_at
    from latest
    left join customers on latest.customer_source_id = customers.customer_source_id
)

select * from final

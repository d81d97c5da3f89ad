with

source as (
    {{ live_rows("stripe", "invoices") }}
),

renamed as (
    select
        -- ids
        connection_id,
        {{ present('id') }} as invoice_source_id,
        {{ present('customer') }} as customer_source_id,
        coalesce(
            {{ json_text("parent -> 'subscription_details'", 'subscription') }},
            {{ present('subscription') }}
        ) as subscription_source_id,
        {{ present('number') }} as invoice_number,

        -- strings
        {{ present('status') }} as invoice_status,
        {{ present('billing_reason') }} as billing_reason,
        {{ present('collection_method') }} as collection_method,
        {{ json_text('parent', 'type') }} as parent_type,
        lower({{ present('customer_email') }}) as customer_email,
        {{ present('customer_name') }} as customer_name,
        {{ currency_code('currency') }} as currency,

        -- json
        metadata,

        -- numerics
        {{ stripe_amount('subtotal', 'currency') }} as subtotal_amount,
        {{ stripe_amount('total', 'currency') }} as total_amount,
        {{ stripe_amount('amount_due', 'currency') }} as due_amount,
        {{ stripe_amount('amount_paid', 'currency') }} as paid_amount,
        {{ stripe_amount('amount_remaining', 'currency') }} as remaining_amount,
        attempt_count,

        -- booleans
        livemode as is_live,

        -- dates
        period_start as items_from_at,
        period_end as items_to_at,
        next_payment_attempt as next_attempt_at,
        created as created_at,

        -- loading
        _synced_at as synced_at
    from source
)

select * from renamed

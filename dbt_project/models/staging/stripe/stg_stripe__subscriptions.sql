with

source as (
    {{ live_rows("stripe", "subscriptions") }}
),

periods as (
    select
        source.connection_id,
        source._key,
        min({{ safe_instant("elements.item ->> 'current_period_start'") }})
            as starts_at,
        min({{ safe_instant("elements.item ->> 'current_period_end'") }}) as ends_at
    from source
    cross join lateral {{ json_elements("source.items") }} as elements (item)
    group by source.connection_id, source._key
),

renamed as (
    select
        -- ids
        source.connection_id,
        {{ present('source.id') }} as subscription_source_id,
        {{ present('source.customer') }} as customer_source_id,
        {{ json_text('source.metadata', 'user_id') }} as user_source_id,
        {{ present('source.latest_invoice') }} as latest_invoice_source_id,
        {{ present('source.schedule') }} as schedule_source_id,

        -- strings
        {{ present('source.status') }} as subscription_status,
        {{ present('source.collection_method') }} as collection_method,
        {{ present('source.description') }} as subscription_description,
        {{ json_text('source.billing_mode', 'type') }} as billing_mode,
        {{ json_text('source.cancellation_details', 'reason') }}
            as cancellation_reason,
        {{ json_text('source.cancellation_details', 'feedback') }}
            as cancellation_feedback,
        {{ json_text('source.pause_collection', 'behavior') }}
            as collection_pause_behavior,
        {{ currency_code('source.currency') }} as currency,

        -- json
        source.items,
        source.discounts,
        source.metadata,

        -- numerics
        source.days_until_due,

        -- booleans
        source.cancel_at_period_end as is_cancelled_at_period_end,
        coalesce(jsonb_typeof(source.pause_collection) = 'object', false)
            as is_collection_paused,
        coalesce(jsonb_typeof(source.pending_update) = 'object', false)
            as has_pending_update,
        source.livemode as is_live,

        -- dates
        source.start_date as started_at,
        coalesce(periods.starts_at, source.current_period_start) as period_starts_at,
        coalesce(periods.ends_at, source.current_period_end) as period_ends_at,
        source.billing_cycle_anchor as billing_anchor_at,
        source.trial_start as trial_starts_at,
        source.trial_end as trial_ends_at,
        source.cancel_at as cancels_at,
        source.canceled_at as cancelled_at,
        source.ended_at,
        {{ safe_instant("source.pause_collection ->> 'resumes_at'") }}
            as collection_resumes_at,
        source.created as created_at,

        -- loading
        source._synced_at as synced_at
    from source
    left join periods
        on
            source.connection_id = periods.connection_id
            and source._key = periods._key
)

select * from renamed

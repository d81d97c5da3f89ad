with

source as (
    {{ live_rows("stripe", "events") }}
),

renamed as (
    select
        -- ids
        connection_id,
        {{ present('id') }} as event_source_id,
        {{ json_text("data -> 'object'", 'id') }} as object_source_id,
        {{ json_text("data -> 'object'", 'customer') }} as customer_source_id,
        {{ json_text("data -> 'object'", 'client_reference_id') }} as user_source_id,
        {{ json_text('request', 'id') }} as request_source_id,

        -- strings
        {{ present('type') }} as event_type,
        {{ json_text("data -> 'object'", 'object') }} as object_kind,
        {{ present('api_version') }} as api_version,

        -- json
        data -> 'previous_attributes' as previous_attributes,

        -- numerics
        pending_webhooks,

        -- booleans
        livemode as is_live,

        -- dates
        created as created_at,

        -- loading
        _synced_at as synced_at
    from source
)

select * from renamed

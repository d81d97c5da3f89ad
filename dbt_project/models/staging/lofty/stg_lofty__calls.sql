with

source as (
    {{ live_rows("lofty", "calls") }}
),

renamed as (
    select
        -- ids
        connection_id,
        {{ present('id') }} as call_source_id,
        {{ lofty_id('lead_id') }} as lead_source_id,
        {{ lofty_id('user_id') }} as user_source_id,
        {{ lofty_id('dialer_call_record_id') }} as dialer_record_source_id,

        -- strings
        {{ present('user_phone_number') }} as user_phone,
        {{ present('lead_phone_number') }} as lead_phone,
        {{ present('direction') }} as direction,
        {{ present('status') }} as call_status,
        {{ present('calling_outcome') }} as call_outcome,

        -- numerics
        {{ lofty_figure('duration') }} as call_seconds,
        {{ lofty_figure('rate_score') }} as rating,

        -- dates
        start_time as started_at,
        end_time as ended_at,

        -- loading
        _synced_at as synced_at
    from source
)

select * from renamed

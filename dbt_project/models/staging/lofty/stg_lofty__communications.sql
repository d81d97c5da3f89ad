with

source as (
    {{ live_rows("lofty", "communications") }}
),

renamed as (
    select
        -- ids
        connection_id,
        {{ present('id') }} as communication_source_id,
        {{ lofty_id('lead_id') }} as lead_source_id,
        {{ lofty_id('agent_id') }} as agent_user_source_id,

        -- strings
        {{ present('direction') }} as direction,
        {{ present('event_type') }} as event_type,
        {{ present('communication_type') }} as communication_type,
        {{ present('call_outcome') }} as call_outcome,
        {{ present('status') }} as delivery_status,

        -- numerics
        {{ lofty_figure(safe_numeric('call_duration')) }} as call_seconds,

        -- booleans
        from_pond as is_from_pond,

        -- dates
        communication_time as communicated_at,

        -- loading
        _synced_at as synced_at
    from source
)

select * from renamed

with

source as (
    {{ live_rows("dotloop", "activities") }}
),

renamed as (
    select
        -- ids
        connection_id,
        {{ present('profile_id') }} as profile_source_id,
        {{ present('loop_id') }} as loop_source_id,
        {{ present('sent_date') }} as activity_sent_at_text,
        {{ present('message_hash') }} as message_hash,

        -- strings
        'dotloop' as source_system,
        {{ present('message') }} as activity_message,

        -- dates
        date as acted_at,

        -- loading
        _synced_at as synced_at
    from source
)

select * from renamed

with

source as (
    {{ live_rows("lofty", "system_logs") }}
),

renamed as (
    select
        -- ids
        connection_id,
        {{ present('id') }} as log_source_id,
        {{ lofty_id('lead_id') }} as lead_source_id,
        {{ lofty_id('agent_id') }} as user_source_id,
        {{ lofty_id('from_id') }} as from_source_id,
        {{ lofty_id('to_id') }} as to_source_id,
        {{ lofty_id('ref_id') }} as record_source_id,

        -- strings
        {{ present('timeline_type') }} as log_type,
        {{ present('timeline_type_desc') }} as log_type_label,
        {{ present('from_type') }} as from_type,
        {{ present('from_name') }} as from_name,
        {{ present('to_type') }} as to_type,
        {{ present('to_name') }} as to_name,

        -- booleans
        sticky as is_sticky,

        -- dates
        timeline_time as occurred_at,
        create_time as created_at,
        update_time as updated_at,

        -- loading
        _synced_at as synced_at
    from source
)

select * from renamed

with

source as (
    {{ live_rows("lofty", "lead_activities") }}
),

renamed as (
    select
        -- ids
        connection_id,
        {{ present('lead_id') }} as lead_source_id,
        created as created_milliseconds,
        {{ present('type') }} as activity_type,
        {{ present('text_hash') }} as text_hash,

        -- strings
        {{ present('text') }} as activity_text,
        {{ present('link') }} as link,
        {{ present('picture') }} as picture_url,
        {{ present('page_name') }} as page_name,

        -- json
        listing,

        -- dates
        to_timestamp(created::numeric / 1000) as occurred_at,
        scheduled_date as scheduled_at,

        -- loading
        _synced_at as synced_at
    from source
)

select * from renamed

with

source as (
    {{ live_rows("lofty", "notes") }}
),

renamed as (
    select
        -- ids
        connection_id,
        {{ present('note_id') }} as note_source_id,
        {{ lofty_id('lead_id') }} as lead_source_id,
        {{ lofty_id('creator_id') }} as creator_user_source_id,
        {{ lofty_id('last_editor_id') }} as editor_user_source_id,

        -- strings
        {{ present('creator_name') }} as creator_name,
        {{ present('last_editor_name') }} as editor_name,

        -- booleans
        coalesce(delete_flag, false) as is_deleted,
        is_pin as is_pinned,
        system_note as is_by_system,

        -- dates
        create_time as created_at,
        last_update as updated_at,

        -- loading
        _synced_at as synced_at
    from source
)

select * from renamed

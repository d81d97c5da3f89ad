with

source as (
    {{ live_rows("lofty", "tags") }}
),

renamed as (
    select
        -- ids
        connection_id,
        {{ present('tag_id') }} as tag_source_id,
        {{ lofty_id('creator_user_id') }} as creator_user_source_id,

        -- strings
        {{ present('tag_name') }} as tag,

        -- numerics
        visible_type as visibility_code,

        -- dates
        create_time as created_at,
        update_time as updated_at,

        -- loading
        _synced_at as synced_at
    from source
    where {{ lofty_id('lead_id') }} is null
)

select * from renamed

with

source as (
    {{ live_rows("fub", "teams") }}
),

renamed as (
    select
        -- ids
        connection_id,
        {{ present('id') }} as team_source_id,

        -- strings
        {{ present('name') }} as team_name,

        -- json
        user_ids,
        leader_ids,

        -- loading
        _synced_at as synced_at
    from source
)

select * from renamed

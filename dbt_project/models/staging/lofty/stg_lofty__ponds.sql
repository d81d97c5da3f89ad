with

source as (
    {{ live_rows("lofty", "ponds") }}
),

renamed as (
    select
        -- ids
        connection_id,
        {{ present('id') }} as pond_source_id,
        {{ lofty_id('pond_owner_id') }} as owner_user_source_id,

        -- strings
        {{ present('pond_name') }} as pond_name,

        -- json
        agent_ids,

        -- loading
        _synced_at as synced_at
    from source
)

select * from renamed

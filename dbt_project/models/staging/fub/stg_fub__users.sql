with

source as (
    {{ live_rows("fub", "users") }}
),

renamed as (
    select
        -- ids
        connection_id,
        {{ present('id') }} as user_source_id,

        -- strings
        {{ present('name') }} as user_name,
        {{ present('first_name') }} as first_name,
        {{ present('last_name') }} as last_name,
        {{ present('email') }} as user_email,
        {{ present('phone') }} as user_phone,
        {{ present('role') }} as user_role,
        {{ present('status') }} as user_status,
        {{ present('timezone') }} as timezone,

        -- json
        team_ids,
        team_leader_of,

        -- booleans
        is_owner,
        pause_lead_distribution as is_lead_distribution_paused,

        -- dates
        created as created_at,
        updated as updated_at,

        -- loading
        _synced_at as synced_at
    from source
)

select * from renamed

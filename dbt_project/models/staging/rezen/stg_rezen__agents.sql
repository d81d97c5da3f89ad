with

source as (
    {{ live_rows("rezen", "agents") }}
),

renamed as (
    select
        -- ids
        connection_id,
        {{ present('id') }} as agent_source_id,
        {{ present('key_maker_id') }} as keymaker_source_id,

        -- strings
        {{ present('first_name') }} as first_name,
        {{ present('middle_name') }} as middle_name,
        {{ present('last_name') }} as last_name,
        {{ present('full_name') }} as full_name,
        {{ present('display_name') }} as display_name,
        {{ present('type') }} as agent_type,
        {{ present('agent_status') }} as agent_status,
        {{ present('email_address') }} as email_address,
        {{ present('phone_number') }} as phone_number,
        {{ present('agent_account_country') }} as account_country,
        {{ present('avatar') }} as avatar_path,

        -- json
        offices,
        team_memberships,
        administrative_area_ids,

        -- dates
        join_date,
        anniversary_date,
        last_anniversary_date,
        next_anniversary_date,
        created_at,
        updated_at,

        -- loading
        _synced_at as synced_at
    from source
)

select * from renamed

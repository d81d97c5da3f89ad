with

source as (
    {{ live_rows("lofty", "members") }}
),

renamed as (
    select
        -- ids
        connection_id,
        {{ present('id') }} as member_source_id,
        {{ present('member_user_id') }} as user_source_id,
        {{ present('team_id') }} as account_source_id,
        {{ lofty_id('invitor_user_id') }} as invitor_user_source_id,
        {{ lofty_id('group_id') }} as office_source_id,

        -- strings
        {{ present('first_name') }} as first_name,
        {{ present('last_name') }} as last_name,
        lower({{ present('email') }}) as email,
        {{ present('role_name') }} as role_name,
        {{ present('phone_number') }} as phone,
        {{ present('virtual_number') }} as dialer_phone,
        {{ present('account_status') }} as account_status,
        {{ present('time_zone_id') }} as time_zone,
        {{ present('group_name') }} as office_name,
        {{ json_text('agent_info', 'licenseId') }} as license_number,
        {{ json_text('agent_info', 'companyName') }} as company,
        {{ json_text('agent_info', 'mlsAgentId') }} as mls_agent_code,

        -- numerics
        role as role_code,
        status as status_code,
        new_lead_count,
        assigned_lead_count,

        -- booleans
        is_admin,

        -- loading
        _synced_at as synced_at
    from source
)

select * from renamed

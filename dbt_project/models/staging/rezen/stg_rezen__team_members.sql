with

source as (
    {{ live_rows("rezen", "team_members") }}
),

renamed as (
    select
        -- ids
        connection_id,
        {{ present('id') }} as membership_source_id,
        {{ present('team_id') }} as team_source_id,
        coalesce({{ present('agent_id') }}, {{ json_text('agent', 'id') }})
            as agent_source_id,

        -- strings
        coalesce({{ present('agent_status') }}, {{ json_text('agent', 'agentStatus') }})
            as agent_status,
        {{ json_text('agent', 'firstName') }} as first_name,
        {{ json_text('agent', 'lastName') }} as last_name,
        {{ json_text('agent', 'fullName') }} as full_name,
        {{ json_text('agent', ['emailAddress', 'email']) }} as email_address,
        {{ json_text('agent', 'phoneNumber') }} as phone_number,
        {{ json_text('agent', ['agentAccountCountry', 'accountCountry']) }}
            as account_country,
        {{ present('invitation_status') }} as invitation_status,

        -- json
        agent -> 'offices' as offices,
        agent -> 'administrativeAreaIds' as administrative_area_ids,

        -- numerics
        member_commission_split as member_split_percent,
        leader_split as leader_split_percent,
        real_cap as real_cap_amount,

        -- booleans
        coalesce(roles ? 'LEADER', false) as is_leader,
        coalesce(roles ? 'ADMIN', false) as is_admin,

        -- dates
        {{ safe_date("(agent ->> 'joinDate')") }} as join_date,
        {{ safe_instant("(agent ->> 'updatedAt')") }} as updated_at,

        -- loading
        _synced_at as synced_at
    from source
)

select * from renamed

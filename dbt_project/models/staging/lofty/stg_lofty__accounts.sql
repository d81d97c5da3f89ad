with

source as (
    {{ live_rows("lofty", "account") }}
),

renamed as (
    select
        -- ids
        connection_id,
        {{ present('member_user_id') }} as user_source_id,
        {{ present('id') }} as member_source_id,
        {{ present('team_id') }} as account_source_id,

        -- strings
        {{ present('first_name') }} as first_name,
        {{ present('last_name') }} as last_name,
        lower({{ present('email') }}) as email,
        {{ present('role_name') }} as role_name,

        -- booleans
        is_admin,
        sees_all as is_whole_account,

        -- loading
        _synced_at as synced_at
    from source
)

select * from renamed

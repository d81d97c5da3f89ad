with

source as (
    {{ live_rows("qualia", "settlement_team") }}
),

renamed as (
    select
        -- ids
        connection_id,
        {{ present('order_id') }} as order_source_id,
        position as member_position,
        {{ present('user_id') }} as user_source_id,
        {{ present('role_id') }} as role_source_id,

        -- strings
        {{ present('role') }} as team_role,
        {{ present('first_name') }} as first_name,
        {{ present('last_name') }} as last_name,
        lower({{ present('email') }}) as email,
        {{ present('phone') }} as phone,
        {{ present('fax') }} as fax,

        -- loading
        _synced_at as synced_at
    from source
)

select * from renamed

with

source as (
    {{ live_rows("fub", "identity") }}
),

renamed as (
    select
        -- ids
        connection_id,
        {{ present('account_id') }} as account_source_id,
        {{ present('user_id') }} as user_source_id,

        -- strings
        {{ present('account_name') }} as account_name,
        {{ present('account_domain') }} as account_domain,
        {{ present('owner_name') }} as owner_name,
        {{ present('owner_email') }} as owner_email,
        {{ present('user_name') }} as user_name,
        {{ present('user_email') }} as user_email,
        {{ present('user_role') }} as user_role,

        -- booleans
        is_owner,
        is_admin,
        is_lender,
        sees_all,

        -- loading
        _synced_at as synced_at
    from source
)

select * from renamed

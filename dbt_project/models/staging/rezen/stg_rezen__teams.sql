with

source as (
    {{ live_rows("rezen", "teams") }}
),

renamed as (
    select
        -- ids
        connection_id,
        {{ present('id') }} as team_source_id,

        -- strings
        {{ present('name') }} as team_name,
        {{ present('type') }} as team_type,
        {{ present('status') }} as team_status,
        {{ present('country') }} as country,

        -- numerics
        member_commission_split as member_split_percent,
        max_member_commission_split as max_member_split_percent,

        -- booleans
        flex as is_flex,
        instant_payment_eligible as is_instant_payment_eligible,
        paid_at_closing as is_paid_at_closing,

        -- dates
        created_at,
        updated_at,

        -- loading
        _synced_at as synced_at
    from source
)

select * from renamed

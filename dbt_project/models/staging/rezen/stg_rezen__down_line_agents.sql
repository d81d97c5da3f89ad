with

source as (
    {{ live_rows("rezen", "down_line") }}
),

renamed as (
    select
        -- ids
        connection_id,
        {{ present('id') }} as member_source_id,
        {{ present('sponsor_id') }} as sponsor_source_id,

        -- strings
        {{ present('first_name') }} as first_name,
        {{ present('last_name') }} as last_name,
        {{ present('status') }} as member_status,
        {{ present('email_address') }} as email_address,
        {{ present('phone_number') }} as phone_number,
        {{ present('sponsorship_type') }} as sponsorship_type,
        coalesce(
            {{ currency_code('cap_amount_currency') }},
            {{ currency_code('cap_amount_paid_currency') }}
        ) as cap_currency,

        -- numerics
        tier,
        sponsor_split as sponsor_split_percent,
        size_of_network as network_size,
        cap_amount_amount as cap_amount,
        cap_amount_paid_amount as cap_paid_amount,

        -- booleans
        unlocking as is_unlocking,
        capped as is_capped,

        -- dates
        join_date,
        anniversary_date,
        terminated_as_of as terminated_date,
        unlocking_expiry_date,
        updated_at,

        -- loading
        _synced_at as synced_at
    from source
)

select * from renamed

with

source as (
    {{ live_rows("rezen", "revshare_by_tier") }}
),

renamed as (
    select
        -- ids
        connection_id,

        -- strings
        {{ currency_code('amount_currency') }} as currency,

        -- numerics
        tier,
        amount_amount as revshare_amount,
        contributor_count,

        -- booleans
        unlocked as is_unlocked,

        -- dates
        window_start as window_start_date,
        window_end as window_end_date,

        -- loading
        _synced_at as synced_at
    from source
)

select * from renamed

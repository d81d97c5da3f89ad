with

source as (
    {{ live_rows("rezen", "revshare_contributors") }}
),

renamed as (
    select
        -- ids
        connection_id,
        {{ present('agent_yenta_id') }} as contributor_source_id,

        -- strings
        {{ present('agent_name') }} as contributor_name,
        {{ currency_code('total_payout_currency') }} as currency,

        -- numerics
        tier,
        total_payout_amount,
        transaction_count,

        -- booleans
        capped as is_capped,

        -- dates
        window_start as window_start_date,
        window_end as window_end_date,

        -- loading
        _synced_at as synced_at
    from source
)

select * from renamed

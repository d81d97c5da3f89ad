with

source as (
    {{ live_rows("rezen", "equity_annual") }}
),

renamed as (
    select
        -- ids
        connection_id,

        -- strings
        {{ currency_code('total_value_currency') }} as currency,

        -- numerics
        year as period_year,
        total_shares,
        vested_shares,
        unvested_shares,
        total_value_amount,
        grants_this_period as granted_shares,
        vested_this_period as newly_vested_shares,
        exercised_this_period as exercised_shares,
        forfeited_this_period as forfeited_shares,

        -- loading
        _synced_at as synced_at
    from source
)

select * from renamed

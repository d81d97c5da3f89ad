with

source as (
    {{ live_rows("lofty", "transaction_commissions") }}
),

renamed as (
    select
        -- ids
        connection_id,
        {{ present('transaction_id') }} as transaction_source_id,
        {{ present('part') }} as commission_part,
        {{ present('id') }} as commission_line_source_id,
        {{ lofty_id('lead_id') }} as lead_source_id,
        {{ lofty_id('split_pay_to') }} as split_party_source_id,
        {{ lofty_id('pay_to') }} as payee_source_id,

        -- strings
        {{ present('split_pay_type') }} as split_party_type,
        {{ present('split_pay_to_name') }} as split_party_name,
        {{ present('pay_type') }} as payee_type,
        {{ present('pay_to_name') }} as payee_name,
        {{ present('calculate_type') }} as calculation_type,
        {{ present('description') }} as line_label,

        -- numerics
        case
            when upper(calculate_type) = 'AMOUNT' then {{ lofty_figure('value') }}
        end as commission_amount,
        case
            when upper(calculate_type) = 'PERCENT' then {{ lofty_figure('value') }}
        end as commission_percent,

        -- loading
        _synced_at as synced_at
    from source
)

select * from renamed

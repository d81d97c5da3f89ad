with

transactions as (
    select
        *,
        {{ in_current_year("closed_month") }} as is_this_year
    from {{ ref("transaction") }}
    where team_id is not null
),

financials as (
    select * from {{ ref("transaction_financials") }}
),

-- units follow the deal's currency, each amount its own
measured as (
    select
        transactions.team_id,
        parts.*
    from transactions
    inner join financials on transactions.transaction_id = financials.transaction_id
    cross join lateral (
        values
        (
            financials.currency,
            transactions.is_closed::int,
            (transactions.is_closed and transactions.is_this_year)::int,
            transactions.is_pending::int,
            transactions.is_terminated::int,
            0, 0, 0, 0
        ),
        (
            coalesce(financials.price_currency, financials.currency),
            0, 0, 0, 0,
            case when transactions.is_closed then financials.price_amount end,
            case
                when transactions.is_closed and transactions.is_this_year
                    then financials.price_amount
            end,
            0, 0
        ),
        (
            coalesce(financials.gross_commission_currency, financials.currency),
            0, 0, 0, 0, 0, 0,
            case
                when transactions.is_closed then financials.gross_commission_amount
            end,
            case
                when transactions.is_closed and transactions.is_this_year
                    then financials.gross_commission_amount
            end
        )
    ) as parts (
        currency, closed_units, closed_units_ytd, pending_units, terminated_units,
        volume_amount, volume_amount_ytd, gci_amount, gci_amount_ytd
    )
),

final as (
    select
        team_id,
        currency,
        sum(closed_units) as closed_units,
        sum(closed_units_ytd) as closed_units_ytd,
        sum(pending_units) as pending_units,
        sum(terminated_units) as terminated_units,
        coalesce(sum(volume_amount), 0) as volume_amount,
        coalesce(sum(volume_amount_ytd), 0) as volume_amount_ytd,
        coalesce(sum(gci_amount), 0) as gci_amount,
        coalesce(sum(gci_amount_ytd), 0) as gci_amount_ytd
    from measured
    group by team_id, currency
)

select * from final

with

credits as (
    select * from {{ ref("int_transactions__credited") }}
),

transactions as (
    select * from {{ ref("transaction") }}
),

financials as (
    select * from {{ ref("transaction_financials") }}
),

addresses as (
    select * from {{ ref("address") }}
),

-- what an agent nets is only told in the agent's own account
payouts as (
    select distinct on (transaction_id, viewer_agent_id)
        transaction_id,
        viewer_agent_id,
        net_payout_amount,
        net_payout_currency
    from {{ ref("transaction_viewer") }}
    where net_payout_amount is not null
    order by
        transaction_id, viewer_agent_id, updated_at desc nulls last, connection_id
),

-- a closed deal counts when it closed, any other on the day of its contract
deals as (
    select
        transactions.*,
        case transactions.lifecycle_group
            when 'CLOSED' then 'closed'
            when 'OPEN' then 'pending'
            when 'TERMINATED' then 'terminated'
            else 'unknown'
        end as deal_status,
        {{ known_date("case
            when transactions.is_closed then transactions.closed_on
            else transactions.contract_date
        end") }} as period_date,
        case
            when
                transactions.is_closed
                and transactions.closed_on >= transactions.contract_date
                and {{ known_date("transactions.closed_on") }} = transactions.closed_on
                and {{ known_date("transactions.contract_date") }}
                = transactions.contract_date
                then transactions.closed_on - transactions.contract_date
        end as days_to_close
    from transactions
),

credited_deals as (
    select
        deals.*,
        credits.agent_id,
        credits.team_id as credited_team_id,
        credits.credit_number,
        credits.credit_share,
        financials.currency,
        coalesce(financials.price_currency, financials.currency) as price_currency,
        coalesce(financials.gross_commission_currency, financials.currency)
            as gci_currency,
        coalesce(payouts.net_payout_currency, financials.currency) as payout_currency,
        financials.price_amount,
        financials.gross_commission_amount,
        coalesce(payouts.net_payout_amount, 0) as payout_amount
    from credits
    inner join deals on credits.transaction_id = deals.transaction_id
    inner join financials on credits.transaction_id = financials.transaction_id
    left join payouts
        on
            credits.transaction_id = payouts.transaction_id
            and credits.agent_id = payouts.viewer_agent_id
),

shared as (
    select
        *,
        coalesce({{ credited("price_amount") }}, 0) as price_part,
        coalesce({{ credited("gross_commission_amount") }}, 0) as gci_part
    from credited_deals
),

-- every amount goes to its own currency: one deal can carry two
currencies as (
    select
        transaction_id,
        agent_id,
        currency as row_currency
    from shared

    union

    select
        transaction_id,
        agent_id,
        price_currency as row_currency
    from shared
    where price_amount is not null

    union

    select
        transaction_id,
        agent_id,
        gci_currency as row_currency
    from shared
    where gross_commission_amount is not null

    union

    select
        transaction_id,
        agent_id,
        payout_currency as row_currency
    from shared
),

by_currency as (
    select
        {%- for column, (amount, currency) in {
            "units": ["credit_share", "currency"],
            "price_here": ["price_part", "price_currency"],
            "gci_here": ["gci_part", "gci_currency"],
            "payout_here": ["payout_amount", "payout_currency"],
        }.items() %}
        case
            when currencies.row_currency = shared.{{ currency }}
                then shared.{{ amount }}
            else 0
        end as {{ column }},
        {%- endfor %}
        currencies.row_currency,
        shared.*
    from shared
    inner join currencies
        on
            shared.transaction_id = currencies.transaction_id
            and shared.agent_id = currencies.agent_id
),

final as (
    select
        -- ids
        by_currency.transaction_id,
        by_currency.agent_id,
        by_currency.credited_team_id as team_id,
        by_currency.row_currency as currency,

        -- strings
        by_currency.deal_status,
        {{ or_unknown("by_currency.lifecycle_state") }} as lifecycle_state,
        {{ or_unknown("by_currency.transaction_type") }} as transaction_type,
        {{ or_unknown("by_currency.property_type") }} as property_type,
        {{ or_unknown("by_currency.representation") }} as representation,
        {{ or_unknown("by_currency.lead_source") }} as lead_source,
        {{ or_unknown("addresses.country") }} as country,
        {{ or_unknown("addresses.state_code") }} as state_code,
        {{ or_unknown("initcap(addresses.city)") }} as city,

        -- numerics
        by_currency.credit_share,
        {%- for status in ["closed", "pending", "terminated", "unknown"] %}
        {{ counted("by_currency.deal_status = '" ~ status ~ "'", "by_currency.units") }}
            as {{ status }}_units,
        {%- endfor %}
        by_currency.units as total_units,
        {%- for side, names in {
            "buy": "'BUYER', 'TENANT'", "sell": "'SELLER', 'LANDLORD'", "dual": "'DUAL'",
        }.items() %}
        {{ counted(
            "by_currency.is_closed and by_currency.representation in (" ~ names ~ ")",
            "by_currency.units",
        ) }} as {{ side }}_side_units,
        {%- endfor %}
        {%- for name, (condition, amount) in {
            "volume": ["is_closed", "price_here"], "gci": ["is_closed", "gci_here"],
            "net_payout": ["is_closed", "payout_here"],
            "pending_volume": ["is_pending", "price_here"],
            "pending_gci": ["is_pending", "gci_here"],
        }.items() %}
        {{ counted("by_currency." ~ condition, "by_currency." ~ amount) }}
            as {{ name }}_amount,
        {%- endfor %}
        coalesce(by_currency.days_to_close * by_currency.units, 0) as days_to_close,
        {{ counted("by_currency.days_to_close is not null", "by_currency.units") }}
            as timed_units,

        -- dates
        by_currency.period_date,
        date_trunc('week', by_currency.period_date)::date as period_week,
        date_trunc('month', by_currency.period_date)::date as period_month
    from by_currency
    left join addresses on by_currency.address_id = addresses.address_id
    where {{ not_demo("by_currency.agent_id") }}
)

select * from final

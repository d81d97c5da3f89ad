{#- what an open deal is called at each vendor -#}
{%- set columns = [
    "deal_source", "account_id", "deal_source_id", "agent_id", "deal_name", "stage_name",
    "deal_type", "currency", "price_amount", "gci_amount", "created_at",
    "entered_stage_at", "expected_close_date",
] -%}

with

transactions as (
    select * from {{ ref("transaction") }}
    where is_pending
),

financials as (
    select * from {{ ref("transaction_financials") }}
),

addresses as (
    select * from {{ ref("address") }}
),

cards as (
    select * from {{ ref("fub_deal") }}
    where deal_status = 'Active' and not is_deleted
),

lofty_deals as (
    select * from {{ ref("lofty_transaction") }}
    where closed_at is null
),

agents as (
    select * from {{ ref("agent") }}
),

teams as (
    select * from {{ ref("team") }}
),

-- the commission in another currency than the price is left to the mart transactions
rezen_deals as (
    select
        'rezen' as deal_source,
        'rezen' as account_id,
        transactions.transaction_source_id as deal_source_id,
        transactions.owner_agent_id as agent_id,
        concat_ws(', ', addresses.street, addresses.city) as deal_name,
        transactions.lifecycle_state as stage_name,
        transactions.transaction_type as deal_type,
        financials.currency,
        financials.price_amount,
        case
            when
                coalesce(financials.gross_commission_currency, financials.currency)
                = financials.currency
                then financials.gross_commission_amount
        end as gci_amount,
        transactions.created_at,
        null::timestamptz as entered_stage_at,
        transactions.estimated_closing_date as expected_close_date
    from transactions
    inner join financials on transactions.transaction_id = financials.transaction_id
    left join addresses on transactions.address_id = addresses.address_id
),

-- Follow Up Boss sends no currency, and none is guessed
fub_deals as (
    select
        'fub' as deal_source,
        fub_account_id as account_id,
        deal_source_id,
        primary_agent_id as agent_id,
        deal_name,
        stage_name,
        pipeline_name as deal_type,
        'unknown' as currency,
        price_amount,
        commission_amount as gci_amount,
        created_at,
        entered_stage_at,
        projected_close_date as expected_close_date
    from cards
),

lofty_open_deals as (
    select
        'lofty' as deal_source,
        lofty_account_id as account_id,
        transaction_source_id as deal_source_id,
        assigned_agent_id as agent_id,
        transaction_name as deal_name,
        stage_name,
        transaction_type as deal_type,
        currency,
        home_price_amount as price_amount,
        gci_amount,
        created_at,
        null::timestamptz as entered_stage_at,
        {{ reporting_date("expected_close_at") }} as expected_close_date
    from lofty_deals
),

combined as (
    {%- for relation in ["rezen_deals", "fub_deals", "lofty_open_deals"] %}
    select {{ columns | join(", ") }}
    from {{ relation }}
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
),

final as (
    select
        -- ids
        combined.deal_source,
        combined.account_id,
        combined.deal_source_id,
        {{ or_unknown("combined.agent_id") }} as agent_id,
        agents.agent_key,
        agents.team_id,

        -- strings
        agents.full_name as agent_name,
        teams.team_name,
        combined.deal_name,
        {{ or_unknown("combined.stage_name") }} as stage_name,
        combined.deal_type,
        {{ or_unknown("combined.currency") }} as currency,

        -- numerics
        combined.price_amount::numeric(20, 4) as price_amount,
        combined.gci_amount::numeric(20, 4) as gci_amount,
        {{ reporting_today() }} - {{ reporting_date("combined.entered_stage_at") }}
            as days_in_stage,
        combined.expected_close_date - {{ reporting_today() }}
            as days_to_expected_close,

        -- booleans
        coalesce(combined.expected_close_date < {{ reporting_today() }}, false)
            as is_overdue,

        -- dates
        combined.expected_close_date,
        {{ known_month("combined.expected_close_date") }} as expected_close_month,
        combined.created_at,
        combined.entered_stage_at
    from combined
    left join agents on combined.agent_id = agents.agent_id
    left join teams on agents.team_id = teams.team_id
    where {{ not_demo("combined.agent_id") }}
)

select * from final

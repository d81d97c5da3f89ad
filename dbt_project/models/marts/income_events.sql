with

incomes as (
    select * from {{ ref("fact_income") }}
),

events as (
    select * from {{ ref("income") }}
),

contributions as (
    select * from {{ ref("contribution") }}
),

transactions as (
    select * from {{ ref("transaction") }}
),

addresses as (
    select * from {{ ref("address") }}
),

agents as (
    select * from {{ ref("agent") }}
),

final as (
    select
        -- ids
        incomes.income_id,
        incomes.agent_id,
        agents.agent_key,
        incomes.team_id,
        events.transaction_id,
        contributions.contributing_agent_id,

        -- strings
        agents.full_name as agent_name,
        incomes.income_type,
        events.income_type_source,
        incomes.income_status,
        events.participation,
        coalesce(transactions.transaction_code, contributions.transaction_code)
            as transaction_code,
        addresses.street,
        addresses.city,
        coalesce(contributors.full_name, contributions.contributor_name)
            as contributor_name,
        incomes.currency,

        -- numerics
        contributions.tier,
        incomes.income_amount::numeric(20, 4) as income_amount,
        incomes.settled_amount::numeric(20, 4) as settled_amount,
        incomes.pending_amount::numeric(20, 4) as pending_amount,

        -- dates
        incomes.period_date as income_date,
        incomes.period_month as income_month
    from incomes
    inner join events on incomes.income_id = events.income_id
    left join agents on incomes.agent_id = agents.agent_id
    left join transactions on events.transaction_id = transactions.transaction_id
    left join addresses on transactions.address_id = addresses.address_id
    left join contributions
        on
            events.agent_id = contributions.receiving_agent_id
            and events.contribution_source_id = contributions.contribution_source_id
    left join agents as contributors
        on contributions.contributing_agent_id = contributors.agent_id
)

select * from final

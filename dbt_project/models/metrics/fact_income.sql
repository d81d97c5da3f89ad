with

incomes as (
    select * from {{ ref("income") }}
),

transactions as (
    select * from {{ ref("transaction") }}
),

agents as (
    select * from {{ ref("agent") }}
),

dated as (
    select
        *,
        {{ known_date("income_date") }} as period_date
    from incomes
),

final as (
    select
        -- ids
        dated.income_id,
        dated.agent_id,
        -- what a deal pays its owner belongs to the team of the deal
        {{ or_unknown("coalesce(
            case
                when
                    dated.income_type = 'Compensation'
                    and dated.agent_id = transactions.owner_agent_id
                    then transactions.team_id
            end,
            agents.team_id
        )") }} as team_id,
        dated.currency,

        -- strings
        dated.income_type,
        dated.income_status,

        -- numerics
        1 as income_rows,
        dated.amount as income_amount,
        case when dated.income_status <> 'Pending' then dated.amount else 0 end
            as settled_amount,
        case when dated.income_status = 'Pending' then dated.amount else 0 end
            as pending_amount,

        -- dates
        dated.period_date,
        date_trunc('week', dated.period_date)::date as period_week,
        date_trunc('month', dated.period_date)::date as period_month
    from dated
    left join transactions on dated.transaction_id = transactions.transaction_id
    left join agents on dated.agent_id = agents.agent_id
    where {{ not_demo("dated.agent_id") }}
)

select * from final

with

lines as (
    select * from {{ ref("commission_line") }}
),

transactions as (
    select * from {{ ref("transaction") }}
),

agents as (
    select * from {{ ref("agent") }}
),

final as (
    select
        -- ids
        lines.transaction_id,
        lines.agent_id,
        lines.line_type,
        -- as in fact_transaction: the owner's part is the deal's team's
        {{ or_unknown("coalesce(
            case
                when lines.agent_id = transactions.owner_agent_id
                    then transactions.team_id
            end,
            agents.team_id
        )") }} as team_id,
        lines.currency,

        -- strings
        lines.line_kind,

        -- numerics
        lines.line_number,
        1 as lines,
        lines.line_amount,

        -- dates
        {{ known_month("lines.closed_on") }} as period_month
    from lines
    left join transactions on lines.transaction_id = transactions.transaction_id
    left join agents on lines.agent_id = agents.agent_id
    where {{ not_demo("lines.agent_id") }}
)

select * from final

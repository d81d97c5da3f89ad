with

positions as (
    select * from {{ ref("equity_position") }}
),

agents as (
    select * from {{ ref("agent") }}
),

final as (
    select
        -- ids
        positions.agent_id,
        agents.agent_key,

        -- strings
        agents.full_name as agent_name,
        {{ or_unknown("positions.currency") }} as currency,

        -- numerics
        positions.total_shares::numeric(20, 4) as total_shares,
        positions.vested_shares::numeric(20, 4) as vested_shares,
        positions.unvested_shares::numeric(20, 4) as unvested_shares,
        positions.total_value_amount::numeric(20, 4) as total_value_amount,
        positions.share_price_amount::numeric(20, 4) as share_price_amount,
        positions.share_price_currency,

        -- booleans
        positions.is_stock_plan_member,

        -- dates
        positions.valued_at
    from positions
    left join agents on positions.agent_id = agents.agent_id
    where {{ not_demo("positions.agent_id") }}
)

select * from final

with

months as (
    select * from {{ ref("equity_month") }}
),

agents as (
    select * from {{ ref("agent") }}
),

final as (
    select
        -- ids
        months.agent_id,
        make_date(months.period_year::int, months.period_month::int, 1)
            as period_month,
        agents.agent_key,

        -- strings
        agents.full_name as agent_name,
        {{ or_unknown("months.currency") }} as currency,

        -- numerics
        {%- for column in [
            "granted", "newly_vested", "exercised", "forfeited", "total", "vested",
            "unvested",
        ] %}
        months.{{ column }}_shares::numeric(20, 4) as {{ column }}_shares,
        {%- endfor %}
        months.total_value_amount::numeric(20, 4) as total_value_amount
    from months
    left join agents on months.agent_id = agents.agent_id
    where {{ not_demo("months.agent_id") }}
)

select * from final

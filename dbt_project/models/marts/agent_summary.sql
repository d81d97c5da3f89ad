with

users as (
    select * from {{ ref("app_user") }}
    where (has_rezen or agent_id is not null) and {{ demo_filter("is_demo") }}
),

agents as (
    select * from {{ ref("agent") }}
),

production as (
    select
        agent_id,
        currency,
        sum(closed_units) as closed_units,
        sum(pending_units) as pending_units,
        sum(terminated_units) as terminated_units,
        sum(volume_amount) as volume_amount,
        sum(gci_amount) as gci_amount,
        sum(net_payout_amount) as net_payout_amount,
        sum(closed_units) filter (where {{ in_current_year("period_month") }})
            as closed_units_ytd,
        sum(volume_amount) filter (where {{ in_current_year("period_month") }})
            as volume_amount_ytd,
        sum(gci_amount) filter (where {{ in_current_year("period_month") }})
            as gci_amount_ytd,
        sum(net_payout_amount) filter (where {{ in_current_year("period_month") }})
            as net_payout_amount_ytd
    from {{ ref("agent_production") }}
    group by agent_id, currency
),

revenue_share as (
    select
        receiving_agent_id as agent_id,
        currency,
        sum(total_amount) as total_amount,
        sum(ytd_amount) as ytd_amount
    from {{ ref("revshare_totals") }}
    group by receiving_agent_id, currency
),

network_sizes as (
    select
        owner_agent_id as agent_id,
        {%- for tier in range(1, 6) %}
        sum(active_members) filter (where tier = {{ tier }})
            as network_size_tier_{{ tier }},
        {%- endfor %}
        sum(active_members) as network_size
    from {{ ref("network_size") }}
    group by owner_agent_id
),

-- an agent without any figure still has a row, in the currency of the account
currencies as (
    select
        agent_id,
        currency
    from production
    union
    select
        agent_id,
        currency
    from revenue_share
),

agent_currencies as (
    select
        users.*,
        coalesce(currencies.currency, users.account_currency) as currency
    from users
    left join currencies on users.agent_id = currencies.agent_id
),

final as (
    select
        agent_currencies.agent_key,
        agent_currencies.currency,
        agent_currencies.agent_id,
        agents.agent_source_id,
        agent_currencies.display_name,
        agents.agent_status,
        agent_currencies.is_demo,
        coalesce(production.closed_units, 0)::bigint as closed_units,
        coalesce(production.closed_units_ytd, 0)::bigint as closed_units_ytd,
        coalesce(production.pending_units, 0)::bigint as pending_units,
        coalesce(production.terminated_units, 0)::bigint as terminated_units,
        coalesce(production.volume_amount, 0)::numeric(20, 4) as volume_amount,
        coalesce(production.volume_amount_ytd, 0)::numeric(20, 4) as volume_amount_ytd,
        coalesce(production.gci_amount, 0)::numeric(20, 4) as gci_amount,
        coalesce(production.gci_amount_ytd, 0)::numeric(20, 4) as gci_amount_ytd,
        coalesce(production.net_payout_amount, 0)::numeric(20, 4)
            as net_payout_amount,
        coalesce(production.net_payout_amount_ytd, 0)::numeric(20, 4)
            as net_payout_amount_ytd,
        coalesce(network_sizes.network_size, 0)::bigint as network_size,
        {%- for tier in range(1, 6) %}
        coalesce(network_sizes.network_size_tier_{{ tier }}, 0)::bigint
            as network_size_tier_{{ tier }},
        {%- endfor %}
        coalesce(revenue_share.total_amount, 0)::numeric(20, 4)
            as revenue_share_amount,
        coalesce(revenue_share.ytd_amount, 0)::numeric(20, 4)
            as revenue_share_amount_ytd
    from agent_currencies
    left join agents on agent_currencies.agent_id = agents.agent_id
    left join production
        on
            agent_currencies.agent_id = production.agent_id
            and agent_currencies.currency = production.currency
    left join revenue_share
        on
            agent_currencies.agent_id = revenue_share.agent_id
            and agent_currencies.currency = revenue_share.currency
    left join network_sizes on agent_currencies.agent_id = network_sizes.agent_id
)

select * from final

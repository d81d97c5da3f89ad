{#
Who did how much in each period, with dense ranks: who ties has the same rank, and the next one
follows without a gap. `scopes` are the boards, `ranked` is who is ranked on them.
#}
{% macro ranked_production(scopes, ranked) -%}
{%- set grain = [
    "scope_kind", "scope_id", "period_kind", "period_key", "deal_status", "currency"
] -%}
with

transactions as (
    select * from {{ ref("fact_transaction") }}
    where {{ ranked }} <> 'unknown' and deal_status in ('closed', 'pending')
),

listings as (
    select * from {{ ref("fact_listing") }}
    where {{ ranked }} <> 'unknown' and active_listings > 0
),

periods as (
    select * from {{ ref("time_period") }}
    where period_kind <> 'week'
),

months as (
    select
        agent_id,
        team_id,
        currency,
        period_month,
        deal_status,
        sum(closed_units + pending_units) as units,
        sum(volume_amount + pending_volume_amount) as volume_amount,
        sum(gci_amount + pending_gci_amount) as gci_amount
    from transactions
    group by agent_id, team_id, currency, period_month, deal_status

    union all

    -- what an active listing will yield is not known before there is a buyer
    select
        agent_id,
        team_id,
        currency,
        period_month,
        'active' as deal_status,
        sum(active_listings) as units,
        sum(active_list_volume_amount) as volume_amount,
        null::numeric as gci_amount
    from listings
    group by agent_id, team_id, currency, period_month
),

-- every period begins and ends with a month
scored as (
    select
        {% for column in grain %}{{ column }}, {% endfor %}{{ ranked }},
        sum(months.units) as units,
        sum(months.volume_amount) as volume_amount,
        sum(months.gci_amount) as gci_amount
    from months
    inner join periods
        on months.period_month between periods.starts_on and periods.ends_on
    cross join lateral ({{ scopes_of("months", scopes) }}) as scopes
    where scopes.scope_id <> 'unknown'
    group by {{ grain | join(", ") }}, {{ ranked }}
),

final as (
    select
        *
        {%- for measure in ["units", "volume_amount", "gci_amount"] %},
        {{ rank_of(measure, grain, measure ~ " is not null") }}
            as {{ measure | replace("_amount", "") }}_rank
        {%- endfor %}
    from scored
)

select * from final
{%- endmacro %}


{# The dense rank of a measure on a board, most first, for whom the condition holds. #}
{% macro rank_of(measure, board, condition) -%}
    case
        when {{ condition }}
            then dense_rank() over (
                partition by {{ board | join(", ") }}
                order by {{ measure }} desc nulls last
            )
    end
{%- endmacro %}

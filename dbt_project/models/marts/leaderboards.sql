with

boards as (
    {%- for kind in ["agent", "team"] %}
    select
        '{{ kind }}' as ranked_kind,
        {{ kind }}_id as ranked_id,
        scope_kind,
        scope_id,
        period_kind,
        period_key,
        deal_status,
        currency,
        units,
        volume_amount,
        gci_amount,
        units_rank,
        volume_rank,
        gci_rank
    from {{ ref("leaderboard" if kind == "agent" else "team_leaderboard") }}
    {%- if not loop.last %}

    union all
    {% endif %}
    {%- endfor %}
),

agents as (
    select * from {{ ref("agent") }}
),

teams as (
    select * from {{ ref("team") }}
),

final as (
    select
        -- ids
        boards.ranked_kind,
        boards.ranked_id,
        boards.scope_kind,
        boards.scope_id,
        boards.period_kind,
        boards.period_key,
        boards.deal_status,
        boards.currency,
        agents.agent_key,

        -- strings
        coalesce(agents.full_name, ranked_teams.team_name) as ranked_name,
        coalesce(scope_teams.team_name, 'Company') as scope_name,

        -- numerics
        boards.units::numeric(20, 4) as units,
        boards.volume_amount::numeric(20, 4) as volume_amount,
        boards.gci_amount::numeric(20, 4) as gci_amount,
        boards.units_rank,
        boards.volume_rank,
        boards.gci_rank
    from boards
    left join agents
        on boards.ranked_kind = 'agent' and boards.ranked_id = agents.agent_id
    left join teams as ranked_teams
        on boards.ranked_kind = 'team' and boards.ranked_id = ranked_teams.team_id
    left join teams as scope_teams
        on boards.scope_kind = 'team' and boards.scope_id = scope_teams.team_id
)

select * from final

with

sightings as (
    select * from {{ ref("int_agents__sighted") }}
),

connections as (
    select distinct on (agent_id)
        agent_id,
        agent_key
    from {{ ref("connection") }}
    where agent_id is not null
    order by agent_id, agent_key
),

-- an agent can be in several flex teams; the oldest of the plain ones is the team shown
roster_teams as (
    select distinct on (agent_id)
        agent_id,
        team_id
    from {{ ref("team_member") }}
    where is_active
    order by agent_id, is_flex, team_id
),

own_teams as (
    select distinct on (agent_source_id)
        agent_source_id,
        {{ our_id("rezen", "team_source_id") }} as team_id
    from {{ ref("stg_rezen__agent_team_memberships") }}
    order by agent_source_id, coalesce(is_flex, false), team_source_id
),

merged as (
    select
        {{ our_id("rezen", "agent_source_id") }} as agent_id,
        agent_source_id,
        {{ most_trusted("first_name") }} as first_name,
        {{ most_trusted("last_name") }} as last_name,
        {{ most_trusted("full_name") }} as full_name,
        {{ most_trusted("email") }} as email,
        {{ most_trusted("phone") }} as phone,
        {{ most_trusted("agent_status") }} as agent_status,
        {{ most_trusted("account_country") }} as account_country,
        {{ most_trusted("join_date") }} as join_date,
        {{ most_trusted("anniversary_date") }} as anniversary_date,
        min(priority) as best_priority,
        (array_agg(provenance order by priority))[1] as provenance,
        max(updated_at) as updated_at
    from sightings
    group by agent_source_id
),

final as (
    select
        -- ids
        merged.agent_id,
        merged.agent_source_id,
        connections.agent_key,
        coalesce(roster_teams.team_id, own_teams.team_id) as team_id,

        -- strings
        merged.first_name,
        merged.last_name,
        coalesce(
            merged.full_name,
            nullif(concat_ws(' ', merged.first_name, merged.last_name), '')
        ) as full_name,
        lower(merged.email) as email,
        merged.phone,
        merged.agent_status,
        merged.account_country,
        coalesce(
            {{ currency_of_country("merged.account_country") }}, 'USD'
        ) as account_currency,
        merged.provenance,
        case
            when merged.best_priority <= 2 then 'high'
            when merged.best_priority <= 5 then 'medium'
            else 'low'
        end as confidence,
        case
            when roster_teams.team_id is not null then 'roster'
            when own_teams.team_id is not null then 'own_membership'
        end as team_provenance,

        -- booleans
        connections.agent_key is not null as is_connected,

        -- dates
        merged.join_date,
        merged.anniversary_date,
        merged.updated_at
    from merged
    left join connections on merged.agent_id = connections.agent_id
    left join roster_teams on merged.agent_id = roster_teams.agent_id
    left join own_teams on merged.agent_source_id = own_teams.agent_source_id
)

select * from final

{%- set measures = [
    "closed_units", "pending_units", "terminated_units", "volume_amount", "gci_amount",
    "net_payout_amount", "pending_volume_amount", "pending_gci_amount",
] -%}
{%- set of_this_year = [
    "closed_units", "volume_amount", "gci_amount", "net_payout_amount"
] -%}

with

teams as (
    select * from {{ ref("team") }}
),

-- one of several owners stands for the team
owners as (
    select distinct on (team_id) *
    from {{ ref("team_owner") }}
    order by team_id, is_active desc nulls last, owner_agent_id
),

rosters as (
    select
        team_id,
        count(*) as members,
        count(*) filter (where is_active) as active_members,
        count(*) filter (where is_leader) as leaders,
        count(*) filter (where is_admin) as admins
    from {{ ref("team_member") }}
    group by team_id
),

-- each person once, however often the year's cap was read
caps as (
    select
        agents.team_id,
        count(*) filter (where caps.is_capped) as capped_members
    from {{ ref("agent_cap_year") }} as caps
    inner join {{ ref("team_member") }} as agents
        on caps.agent_id = agents.agent_id and agents.is_active
    where caps.is_current
    group by agents.team_id
),

production as (
    select
        {%- for column in measures %}
        sum({{ column }}) as {{ column }},
        {%- endfor %}
        {%- for column in of_this_year %}
        sum({{ column }}) filter (where {{ in_current_year("period_date") }})
            as {{ column }}_ytd,
        {%- endfor %}
        team_id,
        currency
    from {{ ref("fact_transaction") }}
    group by team_id, currency
),

listings as (
    select
        team_id,
        currency,
        sum(active_listings) as active_listings,
        sum(active_list_volume_amount) as active_list_volume_amount
    from {{ ref("fact_listing") }}
    group by team_id, currency
),

keys as (
    select
        team_id,
        currency
    from production
    union
    select
        team_id,
        currency
    from listings
    union
    select
        team_id,
        coalesce({{ currency_of_country("country") }}, 'USD') as currency
    from teams
),

final as (
    select
        -- ids
        keys.team_id,
        keys.currency,
        owners.owner_agent_id,

        -- strings
        teams.team_name,
        teams.team_type,
        teams.team_status,
        owners.owner_name,

        -- numerics
        coalesce(rosters.members, 0)::bigint as members,
        coalesce(rosters.active_members, 0)::bigint as active_members,
        coalesce(rosters.leaders, 0)::bigint as leaders,
        coalesce(rosters.admins, 0)::bigint as admins,
        coalesce(caps.capped_members, 0)::bigint as capped_members,
        {%- for column in measures %}
        coalesce(production.{{ column }}, 0)::numeric(20, 4) as {{ column }},
        {%- endfor %}
        {%- for column in of_this_year %}
        coalesce(production.{{ column }}_ytd, 0)::numeric(20, 4) as {{ column }}_ytd,
        {%- endfor %}
        coalesce(listings.active_listings, 0)::bigint as active_listings,
        coalesce(listings.active_list_volume_amount, 0)::numeric(20, 4)
            as active_list_volume_amount
    from keys
    left join teams on keys.team_id = teams.team_id
    left join owners on keys.team_id = owners.team_id
    left join rosters on keys.team_id = rosters.team_id
    left join caps on keys.team_id = caps.team_id
    left join production
        on
            keys.team_id = production.team_id
            and keys.currency = production.currency
    left join listings
        on
            keys.team_id = listings.team_id
            and keys.currency = listings.currency
)

select * from final

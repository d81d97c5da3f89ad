with

states as (
    select * from {{ ref("state_province") }}
),

accounts as (
    select * from {{ ref("stg_rezen__agents") }}
),

roster as (
    select * from {{ ref("stg_rezen__team_members") }}
    where agent_source_id is not null
),

transactions as (
    select * from {{ ref("transaction") }}
    where owner_agent_id is not null and is_closed
),

addresses as (
    select * from {{ ref("address") }}
    where state_code is not null
),

profiles as (
    select
        agent_source_id,
        offices,
        administrative_area_ids
    from accounts

    union all

    select
        agent_source_id,
        offices,
        administrative_area_ids
    from roster
),

-- the office first: a licence can be held in several states
stated as (
    select
        profiles.agent_source_id,
        'office' as provenance,
        1 as priority,
        {{ state_key(
            json_text("(office.entry -> 'address')", ["stateOrProvince", "state"])
        ) }} as state_key,
        office.place
    from profiles
    cross join
        lateral {{ json_elements("profiles.offices") }}
        with ordinality as office (entry, place)

    union all

    select
        profiles.agent_source_id,
        'licence' as provenance,
        2 as priority,
        {{ state_key("(area.entry #>> '{}')") }} as state_key,
        area.place
    from profiles
    cross join
        lateral {{ json_elements("profiles.administrative_area_ids") }}
        with ordinality as area (entry, place)
),

matched as (
    select
        {{ our_id("rezen", "stated.agent_source_id") }} as agent_id,
        stated.provenance,
        stated.priority,
        stated.place as preference,
        states.country,
        states.state_code
    from stated
    inner join states on stated.state_key in (states.state_key, states.state_code)
),

-- else where most of the agent's closed deals are
deal_states as (
    select
        transactions.owner_agent_id as agent_id,
        'deals' as provenance,
        3 as priority,
        -count(*) as preference,
        addresses.country,
        addresses.state_code
    from transactions
    inner join addresses on transactions.address_id = addresses.address_id
    group by transactions.owner_agent_id, addresses.country, addresses.state_code
),

candidates as (
    select * from matched
    union all
    select * from deal_states
),

final as (
    select distinct on (agent_id)
        agent_id,
        country,
        state_code,
        provenance
    from candidates
    order by agent_id, priority, preference, country desc, state_code
)

select * from final

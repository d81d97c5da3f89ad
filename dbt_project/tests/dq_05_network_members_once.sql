-- the vendor sends a person again and again; each is in an owner's network once, and
-- nobody is lost
with

listed_rows as (
    select
        connection_id,
        member_source_id
    from {{ ref("stg_rezen__down_line_agents") }}

    union

    select
        connection_id,
        member_source_id
    from {{ ref("stg_rezen__front_line_agents") }}
),

listed as (
    select distinct
        connections.agent_id as owner_agent_id,
        {{ our_id("rezen", "listed_rows.member_source_id") }} as member_agent_id
    from listed_rows
    inner join {{ ref("connection") }} as connections
        on listed_rows.connection_id = connections.connection_id
    where
        connections.agent_id is not null
        and listed_rows.member_source_id is not null
),

read_meanwhile as (
    select agent_id from {{ ref("connection") }}
    where
        agent_id is not null
        and connection_id in ({{ landed_meanwhile("rezen") }})
)

select
    listed.owner_agent_id as listed_owner_agent_id,
    listed.member_agent_id as listed_member_agent_id,
    held.owner_agent_id,
    held.member_agent_id,
    count(*) as rows_found
from listed
full outer join {{ ref("network_member") }} as held
    on
        listed.owner_agent_id = held.owner_agent_id
        and listed.member_agent_id = held.member_agent_id
where
    coalesce(listed.owner_agent_id, held.owner_agent_id) not in (
        select read_meanwhile.agent_id from read_meanwhile
    )
group by
    listed.owner_agent_id,
    listed.member_agent_id,
    held.owner_agent_id,
    held.member_agent_id
having
    count(*) <> 1
    or listed.owner_agent_id is null
    or held.owner_agent_id is null

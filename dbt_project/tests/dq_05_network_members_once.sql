-- the vendor sends a person again and again; each is in an owner's network once, and nobody is lost
with

listed as (
    select distinct
        connections.agent_id as owner_agent_id,
        {{ our_id("rezen", "listed_rows.member_source_id") }} as member_agent_id
    from (
        select
            connection_id,
            member_source_id
        from {{ ref("stg_rezen__down_line_agents") }}
        union
        select
            connection_id,
            member_source_id
        from {{ ref("stg_rezen__front_line_agents") }}
    ) as listed_rows
    inner join {{ ref("connection") }} as connections
        on listed_rows.connection_id = connections.connection_id
    where
        connections.agent_id is not null
        and listed_rows.member_source_id is not null
)

select
    owner_agent_id,
    member_agent_id,
    count(held.owner_agent_id) as rows_held
from listed
full outer join {{ ref("network_member") }} as held
    using (owner_agent_id, member_agent_id)
group by owner_agent_id, member_agent_id
having count(held.owner_agent_id) <> 1 or count(listed.owner_agent_id) <> 1

with recursive

edges as (
    select * from {{ ref("sponsor_edge") }}
),

-- upwards from each member; a member already on the path is a loop in the data
climbed as (
    select
        edges.sponsor_agent_id as ancestor_agent_id,
        edges.member_agent_id as descendant_agent_id,
        1 as depth,
        array[edges.member_agent_id, edges.sponsor_agent_id] as path
    from edges

    union all

    select
        edges.sponsor_agent_id as ancestor_agent_id,
        climbed.descendant_agent_id,
        climbed.depth + 1 as depth,
        climbed.path || edges.sponsor_agent_id as path
    from climbed
    inner join edges on climbed.ancestor_agent_id = edges.member_agent_id
    where
        edges.sponsor_agent_id <> all(climbed.path)
        and climbed.depth < {{ var("network_max_depth") }}
),

-- co-sponsored agents are reached on several paths; the shortest counts
shortest as (
    select distinct on (ancestor_agent_id, descendant_agent_id) *
    from climbed
    order by ancestor_agent_id, descendant_agent_id, depth, path
)

select * from shortest

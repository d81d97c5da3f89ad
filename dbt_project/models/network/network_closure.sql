with recursive

links as (
    select * from {{ ref("int_sponsors__linked") }}
),

-- upwards from each agent, one row per length and not per way: a loop in the data ends
-- with the greatest depth, and many co-sponsors do not multiply the ways
walked as (
    select
        upper_agent_id as ancestor_agent_id,
        lower_agent_id as descendant_agent_id,
        levels as depth
    from links

    union

    select
        links.upper_agent_id as ancestor_agent_id,
        walked.descendant_agent_id,
        walked.depth + links.levels as depth
    from walked
    inner join links on walked.ancestor_agent_id = links.lower_agent_id
    where
        links.upper_agent_id <> walked.descendant_agent_id
        and walked.depth + links.levels <= {{ var("network_max_depth") }}
),

shortest as (
    select
        ancestor_agent_id,
        descendant_agent_id,
        min(depth) as depth
    from walked
    group by ancestor_agent_id, descendant_agent_id
),

-- the first step of a shortest chain goes to somebody who is as much closer
stepped as (
    select distinct on (shortest.ancestor_agent_id, shortest.descendant_agent_id)
        shortest.*,
        links.upper_agent_id as via_agent_id,
        array[shortest.ancestor_agent_id, links.upper_agent_id] as rest_pair
    from shortest
    inner join links on shortest.descendant_agent_id = links.lower_agent_id
    left join shortest as rest
        on
            shortest.ancestor_agent_id = rest.ancestor_agent_id
            and links.upper_agent_id = rest.descendant_agent_id
    where
        shortest.depth = links.levels + coalesce(rest.depth, 0)
        and (
            rest.depth is not null
            or links.upper_agent_id = shortest.ancestor_agent_id
        )
    order by
        shortest.ancestor_agent_id, shortest.descendant_agent_id, links.levels,
        links.is_primary desc, links.upper_agent_id
),

-- one value to join on: with two columns PostgreSQL sorts by one of them and tries all
-- pairs
pathed as (
    select
        ancestor_agent_id,
        descendant_agent_id,
        depth,
        array[ancestor_agent_id, descendant_agent_id] as pair,
        array[descendant_agent_id, ancestor_agent_id] as path
    from stepped
    where via_agent_id = ancestor_agent_id

    union all

    select
        stepped.ancestor_agent_id,
        stepped.descendant_agent_id,
        stepped.depth,
        array[stepped.ancestor_agent_id, stepped.descendant_agent_id] as pair,
        stepped.descendant_agent_id || pathed.path as path
    from pathed
    inner join stepped on pathed.pair = stepped.rest_pair
),

final as (
    select
        ancestor_agent_id,
        descendant_agent_id,
        depth,
        path,
        cardinality(path) = depth + 1 as has_whole_path
    from pathed
)

select * from final

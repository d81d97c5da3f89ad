{{ config(severity="warn") }}

-- two agents above each other: the vendor's data goes round in a circle
select
    up.ancestor_agent_id,
    up.descendant_agent_id,
    up.depth
from {{ ref("network_closure") }} as up
inner join {{ ref("network_closure") }} as down
    on
        up.ancestor_agent_id = down.descendant_agent_id
        and up.descendant_agent_id = down.ancestor_agent_id
where up.ancestor_agent_id < up.descendant_agent_id

{{ config(severity="warn") }}

-- a tier is the distance to the owner: where both are known they agree, else the
-- vendor's sponsor ids mean something else, or a list is older than a move
select
    members.owner_agent_id,
    members.member_agent_id,
    members.tier,
    closure.depth
from {{ ref("network_member") }} as members
left join {{ ref("network_closure") }} as closure
    on
        members.owner_agent_id = closure.ancestor_agent_id
        and members.member_agent_id = closure.descendant_agent_id
where closure.depth is distinct from members.tier

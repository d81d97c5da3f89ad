{{ config(severity="warn") }}

-- what opens a tier is partly assumed; the vendor's flag, where it is told, checks it
select
    owner_agent_id,
    tier,
    qualified_agents,
    frontline_needed,
    is_unlocked,
    is_unlocked_source
from {{ ref("tier_unlock") }}
where is_unlocked <> is_unlocked_source

{{ config(severity="warn") }}

-- participants in an agent's role on Real's side are resolved by the id they come with;
-- more than one in twenty without says that the vendor changed something
with

agents as (
    select
        count(*) as all_agents,
        count(*) filter (where agent_id is null) as without_id
    from {{ ref("participant") }}
    where role_kind in ('agent', 'leader') and not is_external
)

select *
from agents
where without_id > all_agents * 0.05

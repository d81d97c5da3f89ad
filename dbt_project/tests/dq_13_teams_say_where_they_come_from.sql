select agent_id
from {{ ref("agent") }}
where (team_id is null) <> (team_provenance is null)

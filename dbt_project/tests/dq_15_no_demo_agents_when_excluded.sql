select agent_key
from {{ ref("agent_summary") }}
where not ({{ demo_filter("is_demo") }})

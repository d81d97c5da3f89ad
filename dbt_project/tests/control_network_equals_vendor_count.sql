{{ config(severity="warn") }}

-- which statuses the vendor counts is not known for sure; ACTIVE is what it looks like
select
    owner_agent_id,
    tier,
    vendor_count,
    active_members
from {{ ref("network_size") }}
where difference <> 0

-- Follow Up Boss writes 0 for nobody
select
    'fub_event' as model,
    event_source_id as source_id
from {{ ref("fub_event") }}
where person_source_id in ('0', '')
union all
select
    'fub_call' as model,
    call_source_id as source_id
from {{ ref("fub_call") }}
where person_source_id in ('0', '') or user_source_id in ('0', '')
union all
select
    'fub_person' as model,
    person_source_id as source_id
from {{ ref("fub_person") }}
where assigned_user_source_id in ('0', '') or stage_source_id in ('0', '')

{# without a WITH, so that the rows of some keys are looked up: see is_live #}
select
    -- ids
    connection_id,
    _key as row_key,
    {{ present('id') }} as task_source_id,
    {{ foreign_id('person_id') }} as person_source_id,
    {{ foreign_id('assigned_user_id') }} as assigned_user_source_id,

    -- strings
    {{ present('assigned_to') }} as assigned_user_name,
    {{ present('name') }} as task_name,
    {{ present('type') }} as task_type,

    -- booleans
    is_completed = 1 as is_completed,

    -- dates
    coalesce(due_date, (due_date_time at time zone 'UTC')::date) as due_date,
    due_date_time as due_at,
    completed as completed_at,
    created as created_at,
    updated as updated_at,

    -- loading
    _synced_at as synced_at
from {{ source("raw_fub", "tasks") }} as raw_rows
where
    {{ is_live("fub", "tasks") }}

{# without a WITH, so that the rows of some keys are looked up: see is_live #}
select
    -- ids
    connection_id,
    _key as row_key,
    {{ present('id') }} as call_source_id,
    {{ foreign_id('person_id') }} as person_source_id,
    {{ foreign_id('user_id') }} as user_source_id,

    -- strings
    {{ present('name') }} as person_name,
    {{ present('user_name') }} as user_name,
    {{ present('phone') }} as phone,
    {{ present('from_number') }} as from_number,
    {{ present('to_number') }} as to_number,
    {{ present('outcome') }} as outcome,
    {{ present('note') }} as note,

    -- numerics
    duration as duration_seconds,
    ring_duration as ring_seconds,

    -- booleans
    is_incoming,

    -- dates
    coalesce(started_at, created) as called_at,
    created as created_at,
    updated as updated_at,

    -- loading
    _synced_at as synced_at
from {{ source("raw_fub", "calls") }} as raw_rows
where
    {{ is_live("fub", "calls") }}

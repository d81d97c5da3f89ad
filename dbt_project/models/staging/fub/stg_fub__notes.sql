{# without a WITH, so that the rows of some keys are looked up: see is_live #}
select
    -- ids
    connection_id,
    _key as row_key,
    {{ present('id') }} as note_source_id,
    {{ foreign_id('person_id') }} as person_source_id,
    {{ foreign_id('created_by_id') }} as creator_user_source_id,
    {{ foreign_id('updated_by_id') }} as editor_user_source_id,

    -- strings
    {{ present('created_by') }} as creator_name,
    {{ present('updated_by') }} as editor_name,
    {{ present('type') }} as note_type,
    {{ present('system_name') }} as system_name,

    -- booleans
    is_html,
    is_external,

    -- dates
    created as created_at,
    updated as updated_at,

    -- loading
    _synced_at as synced_at
from {{ source("raw_fub", "notes") }} as raw_rows
where
    {{ is_live("fub", "notes") }}

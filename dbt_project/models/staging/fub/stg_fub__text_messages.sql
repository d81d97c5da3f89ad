{# without a WITH, so that the rows of some keys are looked up: see is_live #}
select
    -- ids
    connection_id,
    _key as row_key,
    {{ present('id') }} as text_message_source_id,
    {{ foreign_id('person_id') }} as person_source_id,
    {{ foreign_id('user_id') }} as user_source_id,

    -- strings
    {{ present('user_name') }} as user_name,
    {{ present('message') }} as message_body,
    {{ present('status') }} as message_status,
    {{ present('delivery_status') }} as delivery_status,
    {{ present('from_number') }} as from_number,
    {{ present('to_number') }} as to_number,

    -- booleans
    is_incoming,
    is_external,

    -- dates
    coalesce(sent, created) as sent_at,
    created as created_at,
    updated as updated_at,

    -- loading
    _synced_at as synced_at
from {{ source("raw_fub", "text_messages") }} as raw_rows
where
    {{ is_live("fub", "text_messages") }}

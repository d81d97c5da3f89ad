{# without a WITH, so that the rows of some keys are looked up: see is_live #}
select
    -- ids
    connection_id,
    _key as row_key,
    {{ present('id') }} as event_source_id,
    {{ foreign_id('person_id') }} as person_source_id,

    -- strings
    {{ present('type') }} as event_type,
    {{ present('source') }} as lead_source,
    {{ present('page_title') }} as page_title,
    {{ present('page_url') }} as page_url,
    {{ json_text('property', 'street') }} as property_street,
    {{ json_text('property', 'city') }} as property_city,
    {{ json_text('property', 'state') }} as property_state,
    {{ json_text('property', 'mlsNumber') }} as property_mls_number,

    -- numerics
    page_duration as page_seconds,
    {{ safe_numeric("(property ->> 'price')") }} as property_price_amount,

    -- dates
    coalesce(occurred, created) as occurred_at,
    created as created_at,
    updated as updated_at,

    -- loading
    _synced_at as synced_at
from {{ source("raw_fub", "events") }} as raw_rows
where
    {{ is_live("fub", "events") }}

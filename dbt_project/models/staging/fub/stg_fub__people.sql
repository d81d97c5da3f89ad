{# without a WITH, so that the rows of some keys are looked up: see is_live #}
select
    -- ids
    connection_id,
    _key as row_key,
    {{ present('id') }} as person_source_id,
    {{ foreign_id('stage_id') }} as stage_source_id,
    {{ foreign_id('source_id') }} as lead_source_source_id,
    {{ foreign_id('assigned_user_id') }} as assigned_user_source_id,
    {{ foreign_id('assigned_pond_id') }} as assigned_pond_source_id,

    -- strings
    {{ present('name') }} as person_name,
    {{ present('first_name') }} as first_name,
    {{ present('last_name') }} as last_name,
    {{ present('type') }} as person_type,
    {{ present('stage') }} as stage_name,
    {{ present('source') }} as lead_source,
    {{ present('assigned_to') }} as assigned_user_name,
    {{ present('created_via') }} as created_via,
    {{ present('deal_status') }} as deal_status,
    {{ present('deal_stage') }} as deal_stage,
    {{ present('deal_name') }} as deal_name,

    -- json
    emails,
    phones,
    tags,
    _custom as custom_fields,

    -- numerics
    price as price_amount,
    deal_price as deal_price_amount,
    website_visits,

    -- booleans
    coalesce(contacted, 0) <> 0 as is_contacted,
    claimed as is_claimed,

    -- dates
    deal_close_date,
    created as created_at,
    updated as updated_at,
    last_activity as last_activity_at,

    -- loading
    _synced_at as synced_at
from {{ source("raw_fub", "people") }} as raw_rows
where
    {{ is_live("fub", "people") }}

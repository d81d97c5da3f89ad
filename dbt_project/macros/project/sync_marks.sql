{# The readings of a vendor that count: their load is complete. #}
{% macro sync_marks(vendor) %}
with

source as (
    select * from {{ source("raw_" ~ vendor, "sync_marks") }}
),

loads as (
    select * from {{ source("raw_" ~ vendor, "_dlt_loads") }}
    where status = 0
),

renamed as (
    select
        -- ids
        source._dlt_id as mark_id,
        source.connection_id,
        source.run_id,

        -- strings
        source.entity,
        source.status as reading_status,
        source.mode as reading_mode,

        -- numerics
        source.vendor_count,
        source.rows_read,

        -- json
        source.vendor_counts,

        -- booleans
        coalesce(source.is_complete_sweep, false) as is_complete,

        -- dates
        source.started_at,
        source.finished_at,
        loads.inserted_at as landed_at
    from source
    inner join loads on source._dlt_load_id = loads.load_id
)

select * from renamed
{% endmacro %}


{# The connections of which something has landed since this command of dbt began. What it has built
   of them and what staging shows of them by now need not agree; the next build judges them. #}
{% macro landed_meanwhile(vendor) -%}
    select marks.connection_id
    from {{ ref("stg_" ~ vendor ~ "__sync_marks") }} as marks
    where marks.landed_at >= '{{ run_started_at }}'::timestamptz
{%- endmacro %}

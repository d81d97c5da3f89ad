{{ config(severity="warn") }}

-- jobs once stood in process for ever: an account in use whose last good reading is
-- older than three days is not read any more, whatever the runs say
{%- set vendors = [
    "rezen", "fub", "skyslope", "dotloop", "lofty", "qualia", "stripe", "files"
] %}
with

readings as (
    {%- for vendor in vendors %}
    select
        marks.connection_id,
        marks.finished_at
    from {{ source("raw_" ~ vendor, "sync_marks") }} as marks
    inner join {{ source("raw_" ~ vendor, "_dlt_loads") }} as loads
        on marks._dlt_load_id = loads.load_id
    where loads.status = 0 and marks.status in ('ok', 'partial')
    {% if not loop.last %}union all{% endif %}
    {%- endfor %}
)

select
    connections.connection_id,
    max(readings.finished_at) as last_good_reading_at
from {{ ref("stg_control__connections") }} as connections
left join readings on connections.connection_id = readings.connection_id
where connections.connection_status = 'active'
group by connections.connection_id
having
    coalesce(max(readings.finished_at), max(connections.created_at))
    < {{ as_of() }} - interval '74 hours'

{# Raw rows that the vendor still has: raw keeps rows that are gone and writes a tombstone; a row
   that came back is newer than its tombstone. #}
{% macro live_rows(vendor, entity) %}
    select raw_rows.*
    from {{ source("raw_" ~ vendor, entity) }} as raw_rows
    where {{ is_live(vendor, entity) }}
{% endmacro %}


{# The same as a condition on `raw_rows`, for a view of millions of rows that is joined by key: a
   view that has a WITH of its own is planned by itself, and read whole for a few hundred keys. #}
{% macro is_live(vendor, entity) %}
        not exists (
            select 1
            from {{ source("raw_" ~ vendor, "tombstones") }} as tombstones
            where
                tombstones.entity = '{{ entity }}'
                and tombstones.connection_id = raw_rows.connection_id
                and tombstones.row_key = raw_rows._key
                and tombstones.deleted_at >= raw_rows._synced_at
        )
{% endmacro %}

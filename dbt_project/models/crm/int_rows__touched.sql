{{ config(materialized="view") }}

{%- set entities = ["people", "calls", "events", "text_messages"] %}

with

touched as (
    {%- for entity in entities %}
    select
        '{{ entity }}' as entity,
        connection_id,
        row_key,
        synced_at as touched_at
    from {{ ref("stg_fub__" ~ entity) }}

    union all
    {% endfor %}
    select
        entity,
        connection_id,
        row_key,
        deleted_at as touched_at
    from {{ ref("stg_fub__tombstones") }}
    where
        entity in (
            {%- for entity in entities %}
            '{{ entity }}'{{ "," if not loop.last }}
            {%- endfor %}
        )
)

select * from touched

{{ config(materialized="view") }}

with

readings as (
    select * from {{ ref("stg_fub__sync_marks") }}
),

final as (
    select
        connection_id,
        entity,
        started_at,
        finished_at
    from readings
)

select * from final

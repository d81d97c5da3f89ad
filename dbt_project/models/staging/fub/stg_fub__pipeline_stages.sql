with

source as (
    select * from {{ ref("stg_fub__pipelines") }}
),

renamed as (
    select distinct on (
        source.connection_id, source.pipeline_source_id, stage_source_id
    )
        -- ids
        source.connection_id,
        source.pipeline_source_id,
        {{ json_text("stage", "id") }} as stage_source_id,

        -- strings
        source.pipeline_name,
        {{ json_text("stage", "name") }} as stage_name,

        -- numerics
        {{ safe_numeric("(stage ->> 'orderWeight')") }} as order_weight,

        -- booleans
        coalesce({{ json_boolean("stage", "closedStage") }}, false) as is_closed_stage,

        -- loading
        source.synced_at
    from source
    cross join lateral {{ json_elements("source.stages") }} as stage
    where {{ json_text("stage", "id") }} is not null
    order by source.connection_id, source.pipeline_source_id, stage_source_id
)

select * from renamed

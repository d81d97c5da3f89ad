with

latest as (
    {{ one_per_account(
        "stg_fub__pipeline_stages",
        "staged.pipeline_source_id, staged.stage_source_id",
        newest="staged.synced_at",
    ) }}
),

final as (
    select
        fub_account_id,
        pipeline_source_id,
        stage_source_id,
        pipeline_name,
        stage_name,
        order_weight,
        is_closed_stage
    from latest
)

select * from final

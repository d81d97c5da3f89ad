with

latest as (
    {{ one_per_lofty_account("stg_lofty__lead_pipelines", "staged.stage_source_id") }}
),

final as (
    select
        lofty_account_id,
        stage_source_id,
        stage_name
    from latest
)

select * from final

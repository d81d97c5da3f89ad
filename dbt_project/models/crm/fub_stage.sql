with

latest as (
    {{ one_per_account(
        "stg_fub__stages",
        "staged.stage_source_id",
        newest="staged.synced_at",
    ) }}
),

final as (
    select
        fub_account_id,
        stage_source_id,
        stage_name,
        order_weight,
        people_count,
        coalesce(is_protected, false) as is_protected,
        lower(stage_name) = 'trash' as is_trash
    from latest
)

select * from final

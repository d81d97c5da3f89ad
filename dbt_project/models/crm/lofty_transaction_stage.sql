with

latest as (
    {{ one_per_lofty_account(
        "stg_lofty__transaction_stages",
        "staged.transaction_type, staged.transaction_stage_source_id",
    ) }}
),

final as (
    select
        lofty_account_id,
        transaction_type,
        transaction_stage_source_id,
        stage_name,
        coalesce(is_default, false) as is_default
    from latest
)

select * from final

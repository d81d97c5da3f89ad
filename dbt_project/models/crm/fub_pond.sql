with

latest as (
    {{ one_per_account(
        "stg_fub__ponds",
        "staged.pond_source_id",
        newest="staged.synced_at",
    ) }}
),

final as (
    select
        fub_account_id,
        pond_source_id,
        user_source_id,
        pond_name,
        coalesce(jsonb_array_length(
            case when jsonb_typeof(user_ids) = 'array' then user_ids end
        ), 0) as member_count
    from latest
)

select * from final

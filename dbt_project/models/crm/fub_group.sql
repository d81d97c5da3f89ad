with

latest as (
    {{ one_per_account(
        "stg_fub__groups",
        "staged.group_source_id",
        newest="staged.synced_at",
    ) }}
),

final as (
    select
        fub_account_id,
        group_source_id,
        default_user_source_id,
        default_pond_source_id,
        group_name,
        group_type,
        distribution,
        claim_window_seconds,
        coalesce(jsonb_array_length(
            case when jsonb_typeof(users) = 'array' then users end
        ), 0) as member_count
    from latest
)

select * from final

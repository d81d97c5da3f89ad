with

latest as (
    {{ one_per_account(
        "stg_fub__teams",
        "staged.team_source_id",
        newest="staged.synced_at",
    ) }}
),

final as (
    select
        fub_account_id,
        team_source_id,
        team_name,
        coalesce(jsonb_array_length(
            case when jsonb_typeof(user_ids) = 'array' then user_ids end
        ), 0) as member_count,
        coalesce(jsonb_array_length(
            case when jsonb_typeof(leader_ids) = 'array' then leader_ids end
        ), 0) as leader_count,
        user_ids,
        leader_ids
    from latest
)

select * from final

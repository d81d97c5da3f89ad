with

latest as (
    {{ one_per_lofty_account(
        "stg_lofty__notes",
        "staged.note_source_id",
        newest="staged.updated_at",
    ) }}
),

final as (
    select
        lofty_account_id,
        note_source_id,
        lead_source_id,
        creator_user_source_id,
        editor_user_source_id,
        is_deleted,
        coalesce(is_pinned, false) as is_pinned,
        coalesce(is_by_system, false) as is_by_system,
        created_at,
        updated_at
    from latest
)

select * from final

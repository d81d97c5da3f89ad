{{ list_of_leads("stg_lofty__lead_tags", [
    "tag_source_id", "tag", "creator_user_source_id", "created_at",
]) }}

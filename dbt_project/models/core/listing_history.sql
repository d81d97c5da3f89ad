with

changes as (
    {{ deal_changes(
        "snap_listing",
        "listing_id",
        [
            "lifecycle_state", "listing_status", "list_price_amount", "currency",
            "owner_agent_id", "team_id", "listing_date", "expiration_date", "closed_on",
        ],
        {"list_price_amount": "currency"},
    ) }}
)

select * from changes

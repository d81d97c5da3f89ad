{% snapshot snap_listing %}

{{
    config(
        unique_key="listing_id",
        check_cols=[
            "lifecycle_state", "listing_status", "list_price_amount", "currency",
            "owner_agent_id", "team_id", "listing_date", "expiration_date", "closed_on",
        ],
    )
}}

select
    -- ids
    listing_id,
    listing_source_id,
    owner_agent_id,
    team_id,

    -- strings
    listing_code,
    lifecycle_state,
    listing_status,
    currency,

    -- numerics
    list_price_amount,

    -- dates
    listing_date,
    expiration_date,
    closed_on,
    created_at,
    updated_at
from {{ ref("listing") }}

{% endsnapshot %}

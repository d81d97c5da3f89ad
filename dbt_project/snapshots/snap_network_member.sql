{% snapshot snap_network_member %}

{{
    config(
        unique_key=["owner_agent_id", "member_agent_id"],
        check_cols=[
            "tier", "member_status", "network_size", "cap_currency", "cap_amount",
            "cap_paid_amount", "is_capped", "is_unlocking", "join_date",
            "terminated_date",
        ],
    )
}}

select
    -- ids
    owner_agent_id,
    member_agent_id,

    -- strings
    nullif(concat_ws(' ', first_name, last_name), '') as member_name,
    member_status,
    cap_currency,

    -- numerics
    tier,
    network_size,
    cap_amount,
    cap_paid_amount,

    -- booleans
    is_capped,
    is_unlocking,

    -- dates
    join_date,
    terminated_date,
    updated_at,
    synced_at
from {{ ref("network_member") }}

{% endsnapshot %}

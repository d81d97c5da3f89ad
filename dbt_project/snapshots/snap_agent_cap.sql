{% snapshot snap_agent_cap %}

{{
    config(
        unique_key=["agent_id", "cap_year_end_date"],
        check_cols=[
            "currency", "annual_cap_amount", "cap_paid_amount", "group_team_cap_amount",
            "pre_cap_fee_amount", "post_cap_fee_amount", "real_split_percent",
            "is_capped", "is_unlocked", "is_elite", "capped_at",
        ],
    )
}}

select
    -- ids
    agent_id,
    cap_year_end_date,

    -- strings
    currency,

    -- numerics
    annual_cap_amount,
    cap_paid_amount,
    group_team_cap_amount,
    pre_cap_fee_amount,
    post_cap_fee_amount,
    real_split_percent,

    -- booleans
    is_capped,
    is_unlocked,
    is_elite,

    -- dates
    capped_at,
    read_date
from {{ ref("agent_cap") }}

{% endsnapshot %}

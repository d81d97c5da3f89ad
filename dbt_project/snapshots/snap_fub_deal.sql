{% snapshot snap_fub_deal %}

{{
    config(
        unique_key=["fub_account_id", "deal_source_id"],
        check_cols=[
            "pipeline_source_id", "stage_source_id", "deal_status", "price_amount",
            "projected_close_date", "entered_stage_at", "primary_user_source_id",
        ],
    )
}}

select
    -- ids
    fub_account_id,
    deal_source_id,
    pipeline_source_id,
    stage_source_id,
    primary_person_source_id,
    primary_user_source_id,
    primary_agent_id,

    -- strings
    deal_name,
    deal_status,
    pipeline_name,
    stage_name,

    -- numerics
    price_amount,

    -- booleans
    is_closed_stage,

    -- dates
    projected_close_date,
    created_at,
    entered_stage_at
from {{ ref("fub_deal") }}

{% endsnapshot %}

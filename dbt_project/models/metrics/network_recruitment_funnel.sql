with

rolled_up as (
    {{ rollup("network", []) }}
),

{{ funnel("rolled_up", ["scope_kind", "scope_id"], {
    "known": "members",
    "joined": "joined_members",
    "active": "active_members",
}) }}

select * from final

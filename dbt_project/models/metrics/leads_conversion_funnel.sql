with

rolled_up as (
    {{ rollup("lead", []) }}
),

{{ funnel("rolled_up", ["scope_kind", "scope_id", "crm_account_id"], {
    "lead": "people",
    "contacted": "contacted_people",
    "with_deal": "people_with_deal",
    "closed_deal": "people_with_closed_deal",
}) }}

select * from final

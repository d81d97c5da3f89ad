{%- set dimensions = [
    "crm_account_id", "activity_kind", "agent_id", "team_id", "user_source_id", "direction",
    "outcome", "activity_type", "lead_source", "period_month",
] -%}

with

activities as (
    select * from {{ ref("fact_activity") }}
),

-- millions of activities are added up once; every table of them is made of these
final as (
    select
        {%- for dimension in dimensions %}
        {{ dimension }},
        {%- endfor %}
        {%- for measure in metric_subject("activity").sums %}
        sum({{ measure }}) as {{ measure }}{{ "," if not loop.last }}
        {%- endfor %}
    from activities
    group by
        {%- for dimension in dimensions %}
        {{ dimension }}{{ "," if not loop.last }}
        {%- endfor %}
)

select * from final

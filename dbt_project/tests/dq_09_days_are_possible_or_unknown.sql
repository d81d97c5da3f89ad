-- a missing date once became January 2000: a day that counts is possible, or the
-- unknown one
{%- set facts = {
    "fact_transaction": "period_date",
    "fact_listing": "period_date",
    "fact_income": "period_date",
    "fact_contribution": "period_month",
    "fact_network_event": "period_date",
    "fact_lead": "period_date",
    "fact_activity": "period_date",
} %}
{%- for fact, day in facts.items() %}
select
    '{{ fact }}' as model,
    {{ day }} as period_date
from {{ ref(fact) }}
where
    {{ day }} is null
    or (
        {{ day }} < '{{ var("earliest_date") }}'::date
        and {{ day }} <> '{{ var("unknown_date") }}'::date
    )
{% if not loop.last %}union all{% endif %}
{%- endfor %}

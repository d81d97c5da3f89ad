{%- set measures = ["closed_units", "volume_amount", "gci_amount"] -%}

with

months as (
    select * from {{ ref("transactions_by_month") }}
),

prior_months as (
    select
        *,
        (period_month + interval '1 year')::date as compared_month
    from months
    where period_month <> '{{ var("unknown_date") }}'::date
),

-- a month without deals still has a row if there were some a year before
paired as (
    select
        {%- for measure in measures %}
        coalesce(months.{{ measure }}, 0) as {{ measure }},
        coalesce(prior_months.{{ measure }}, 0) as prior_{{ measure }},
        {%- endfor %}
        coalesce(months.scope_kind, prior_months.scope_kind) as scope_kind,
        coalesce(months.scope_id, prior_months.scope_id) as scope_id,
        coalesce(months.currency, prior_months.currency) as currency,
        coalesce(months.period_month, prior_months.compared_month) as period_month
    from months
    full outer join prior_months
        on
            months.scope_kind = prior_months.scope_kind
            and months.scope_id = prior_months.scope_id
            and months.currency = prior_months.currency
            and months.period_month = prior_months.compared_month
    where
        months.period_month is not null
        or prior_months.compared_month <= {{ reporting_today() }}
),

final as (
    select
        paired.*,
        {%- for measure in measures %}
        {{ measure }} - prior_{{ measure }} as {{ measure }}_change,
        {{ rate(measure ~ " - prior_" ~ measure, "prior_" ~ measure) }}
            as {{ measure }}_change_rate,
        {%- endfor %}
        -- the month that runs is held against the whole month of the year before
        paired.period_month < date_trunc('month', {{ reporting_today() }})::date
            as is_complete_month
    from paired
)

select * from final

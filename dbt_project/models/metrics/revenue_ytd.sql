{%- set year_start -%} date_trunc('year', {{ reporting_today() }}) {%- endset -%}

with

incomes as (
    select * from {{ ref("fact_income") }}
),

scoped as (
    {{ scoped_rows("incomes") }}
),

-- the year before up to the same day: only that may be compared
final as (
    select
        scope_kind,
        scope_id,
        currency,
        income_type,
        coalesce(
            sum(income_amount) filter (where {{ in_current_year("period_date") }}), 0
        ) as ytd_amount,
        coalesce(
            sum(income_amount) filter (
                where
                period_date >= {{ year_start }} - interval '1 year'
                and period_date <= {{ reporting_today() }} - interval '1 year'
            ),
            0
        ) as prior_ytd_amount,
        coalesce(
            sum(income_amount) filter (
                where
                period_date >= {{ year_start }} - interval '1 year'
                and period_date < {{ year_start }}
            ),
            0
        ) as prior_year_amount,
        sum(income_amount) as all_time_amount
    from scoped
    group by scope_kind, scope_id, currency, income_type
)

select * from final

{%- set movements = ["new", "reactivation", "expansion", "contraction", "churn"] -%}

with

months as (
    select * from {{ ref("mrr") }}
),

final as (
    select
        -- ids
        mrr_month,
        currency,

        -- numerics
        {%- for column in ["mrr", "trial", "paused", "opening"] + movements %}
        {{ column }}_amount::numeric(20, 4) as {{ column }}_amount,
        {%- endfor %}
        {%- for movement in movements %}
        {{ movement }}_customer_count,
        {%- endfor %}
        subscription_count,
        customer_count,
        case
            when opening_amount > 0 then round(-churn_amount / opening_amount, 4)
        end::numeric(20, 4) as churn_rate,

        -- dates
        measured_at
    from months
)

select * from final

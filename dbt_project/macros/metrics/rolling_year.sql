{# The sum of the last twelve months that are over, the row's own included if it is; null for the
   unknown month and for months to come. #}
{% macro rolling_year(column) -%}
    case
        when period_month = '{{ var("unknown_date") }}'::date then null
        when period_month < date_trunc('month', {{ reporting_today() }})::date
            then sum({{ column }}) over (
                partition by agent_id, currency
                order by period_month
                range between interval '11 months' preceding and current row
            )
        when period_month = date_trunc('month', {{ reporting_today() }})::date
            then coalesce(sum({{ column }}) over (
                partition by agent_id, currency
                order by period_month
                range between interval '12 months' preceding
                and interval '1 month' preceding
            ), 0)
    end
{%- endmacro %}

{{ after_charted_models() }}
-- a model has a row per currency, kind of scope, period and state: a chart must split
-- by these or keep to one, or it would add dollars to dollars of another country, and
-- agents to their teams
with

charts as (
    select * from {{ ref("chart_catalog") }}
)

select
    charts.chart_id,
    existing.column_name
from charts
inner join information_schema.columns as existing
    on
        charts.model_schema = existing.table_schema
        and charts.model = existing.table_name
where
    existing.column_name in ('currency', 'scope_kind', 'period_kind', 'deal_status')
    and existing.column_name <> all(charts.dimensions)
    and not charts.fixed_filters ? existing.column_name::text
    -- deals come one by one with each amount's own currency beside it
    and not (charts.model = 'transactions' and existing.column_name = 'currency')
    -- a column per state
    and not (
        charts.model in ('fact_transaction', 'transactions_by_stage')
        and existing.column_name = 'deal_status'
    )

{{ after_charted_models() }}
-- the model, the columns, the figure, what it is split by, filtered by and who looks
with

charts as (
    select * from {{ ref("chart_catalog") }}
),

named as (
    select
        charts.chart_id,
        charts.model_schema,
        charts.model,
        names.use,
        names.column_name
    from charts
    cross join lateral (
        select
            'column' as use,
            unnest(charts.columns) as column_name
        union all
        select
            'metric' as use,
            charts.metric as column_name
        union all
        select
            'dimension' as use,
            unnest(charts.dimensions) as column_name
        union all
        select
            'filter' as use,
            jsonb_object_keys(charts.fixed_filters) as column_name
        union all
        select
            'viewer' as use,
            charts.viewer_column as column_name
        where charts.viewer_column is not null
    ) as names
)

select named.*
from named
left join information_schema.columns as existing
    on
        named.model_schema = existing.table_schema
        and named.model = existing.table_name
        and named.column_name = existing.column_name
where existing.column_name is null

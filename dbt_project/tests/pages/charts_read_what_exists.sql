{{ after_charted_models() }}
-- the model, the columns, the figure, what it is split by, filtered by and who looks
with

charts as (
    select * from {{ ref("chart_catalog") }}
),

named as (
    select
        chart_id,
        model_schema,
        model,
        'column' as use,
        unnest(columns) as column_name
    from charts

    union all

    select
        chart_id,
        model_schema,
        model,
        'metric' as use,
        metric as column_name
    from charts

    union all

    select
        chart_id,
        model_schema,
        model,
        'dimension' as use,
        unnest(dimensions) as column_name
    from charts

    union all

    select
        chart_id,
        model_schema,
        model,
        'filter' as use,
        jsonb_object_keys(fixed_filters) as column_name
    from charts

    union all

    select
        chart_id,
        model_schema,
        model,
        'viewer' as use,
        viewer_column as column_name
    from charts
    where viewer_column is not null
)

select named.*
from named
left join information_schema.columns as existing
    on
        named.model_schema = existing.table_schema
        and named.model = existing.table_name
        and named.column_name = existing.column_name
where existing.column_name is null

with

charts as (
    select * from {{ ref("default_chart") }}
),

fixed_filters as (
    select
        charts.chart_id,
        jsonb_object_agg(
            split_part(pairs.pair, '=', 1), split_part(pairs.pair, '=', 2)
        ) as fixed_filters
    from charts
    cross join
        lateral unnest({{ listed("charts.fixed_filters") }}) as pairs (pair)
    group by charts.chart_id
),

final as (
    select
        -- ids
        charts.chart_id,

        -- strings
        charts.display_name,
        charts.description,
        charts.category,
        charts.chart_type,
        charts.section,
        charts.icon,
        charts.model_schema,
        charts.model,
        charts.metric,
        charts.viewer_column,

        -- lists
        {{ listed("charts.columns") }} as columns,
        {{ listed("charts.dimensions") }} as dimensions,

        -- json
        coalesce(fixed_filters.fixed_filters, '{}'::jsonb) as fixed_filters,
        jsonb_strip_nulls(jsonb_build_object(
            'chartType', charts.chart_type,
            'where', fixed_filters.fixed_filters,
            'viewerColumn', charts.viewer_column,
            'orderBy', charts.sort_by,
            'limit', charts.row_limit
        )) as default_config,
        jsonb_build_object('w', charts.default_width, 'h', charts.default_height)
            as default_size,

        -- numerics
        charts.sort_order,

        -- booleans
        charts.is_enabled,
        charts.is_default
    from charts
    left join fixed_filters on charts.chart_id = fixed_filters.chart_id
)

select * from final

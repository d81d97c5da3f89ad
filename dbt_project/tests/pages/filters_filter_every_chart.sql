{{ after_charted_models() }}
-- the key of a filter is a column of every chart below it, and there is such a chart
with

filters as (
    select * from {{ ref("page_filter") }}
),

widgets as (
    select * from {{ ref("page_widget") }}
),

charts as (
    select * from {{ ref("chart_catalog") }}
),

filtered as (
    select
        filters.page_filter_id,
        filters.filter_key,
        widgets.page_widget_id,
        charts.model_schema,
        charts.model
    from filters
    left join widgets
        on
            filters.page_id = widgets.page_id
            and coalesce(filters.page_tab_id, widgets.page_tab_id) = widgets.page_tab_id
            and coalesce(filters.page_section_id, widgets.page_section_id)
            = widgets.page_section_id
    left join charts on widgets.chart_id = charts.chart_id
)

select
    filtered.page_filter_id,
    filtered.page_widget_id
from filtered
left join information_schema.columns as existing
    on
        filtered.model_schema = existing.table_schema
        and filtered.model = existing.table_name
        and filtered.filter_key = existing.column_name
where existing.column_name is null

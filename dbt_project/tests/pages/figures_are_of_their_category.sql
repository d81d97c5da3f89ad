-- the way a chart is drawn is one of its category, and its figure is among its columns
select
    charts.chart_id,
    charts.category,
    types.category as category_of_type
from {{ ref("chart_catalog") }} as charts
left join {{ ref("chart_type") }} as types on charts.chart_type = types.chart_type
where
    charts.category is distinct from types.category
    or charts.metric <> all(charts.columns)
    or not charts.dimensions <@ charts.columns

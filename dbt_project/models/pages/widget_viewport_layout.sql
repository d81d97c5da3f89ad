with

widgets as (
    select * from {{ ref("page_widget") }}
),

charts as (
    select * from {{ ref("chart_catalog") }}
),

viewports as (
    select * from {{ ref("default_viewport") }}
),

-- what was laid out is the layout of the widest screen
widest as (
    select max(grid_columns) as grid_columns
    from viewports
),

placed as (
    select
        widgets.page_widget_id,
        widgets.page_section_id,
        widgets.grid_x,
        widgets.grid_y,
        widgets.grid_width,
        widgets.grid_height,
        widgets.is_visible,
        viewports.viewport,
        viewports.grid_columns,
        viewports.figures_in_a_row,
        viewports.grid_columns = widest.grid_columns as is_widest,
        charts.category = 'kpi' as is_figure,
        row_number() over (
            partition by
                viewports.viewport, widgets.page_section_id, charts.category = 'kpi'
            order by widgets.grid_y, widgets.grid_x, widgets.sort_order
        ) - 1 as place
    from widgets
    inner join charts on widgets.chart_id = charts.chart_id
    cross join viewports
    cross join widest
),

figures as (
    select
        viewport,
        page_section_id,
        max(place / figures_in_a_row + 1) as figure_rows,
        max(grid_height) as figure_height
    from placed
    where is_figure
    group by viewport, page_section_id
),

-- on smaller screens the figures come first, some in a row, and the rest below them
flowing as (
    select
        placed.*,
        coalesce(figures.figure_height, 0) as figure_height,
        coalesce(figures.figure_rows * figures.figure_height, 0) as below_figures,
        sum(placed.grid_height) over (
            partition by placed.viewport, placed.page_section_id, placed.is_figure
            order by placed.place
        ) - placed.grid_height as above
    from placed
    left join figures
        on
            placed.viewport = figures.viewport
            and placed.page_section_id = figures.page_section_id
),

laid_out as (
    select
        page_widget_id,
        page_section_id,
        viewport,
        is_visible,
        case
            when is_widest then grid_x
            when is_figure
                then place % figures_in_a_row * (grid_columns / figures_in_a_row)
            else 0
        end::int as grid_x,
        case
            when is_widest then grid_y
            when is_figure then place / figures_in_a_row * figure_height
            else below_figures + above
        end::int as grid_y,
        case
            when is_widest then grid_width
            when is_figure then grid_columns / figures_in_a_row
            else grid_columns
        end::int as grid_width,
        grid_height
    from flowing
),

final as (
    select
        page_widget_id,
        viewport,
        page_section_id,
        jsonb_build_object(
            'x', grid_x, 'y', grid_y, 'w', grid_width, 'h', grid_height
        ) as grid_position,
        grid_x,
        grid_y,
        grid_width,
        grid_height,
        is_visible
    from laid_out
)

select * from final

-- no widget is partly beside its grid or without size
select
    layouts.page_widget_id,
    layouts.viewport
from {{ ref("widget_viewport_layout") }} as layouts
left join {{ ref("default_viewport") }} as viewports
    on layouts.viewport = viewports.viewport
where
    layouts.grid_x < 0
    or layouts.grid_y < 0
    or layouts.grid_width < 1
    or layouts.grid_height < 1
    or layouts.grid_x + layouts.grid_width > coalesce(viewports.grid_columns, 0)

-- inside a section, on every size of screen
with

layouts as (
    select * from {{ ref("widget_viewport_layout") }}
    where is_visible
)

select
    layouts.viewport,
    layouts.page_widget_id,
    others.page_widget_id as other_widget_id
from layouts
inner join layouts as others
    on
        layouts.viewport = others.viewport
        and layouts.page_section_id = others.page_section_id
        and layouts.page_widget_id < others.page_widget_id
where
    layouts.grid_x < others.grid_x + others.grid_width
    and others.grid_x < layouts.grid_x + layouts.grid_width
    and layouts.grid_y < others.grid_y + others.grid_height
    and others.grid_y < layouts.grid_y + layouts.grid_height

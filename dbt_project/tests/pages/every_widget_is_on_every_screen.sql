-- a screen that leaves a widget out would leave a figure out without a word
select
    widgets.page_widget_id,
    viewports.viewport
from {{ ref("page_widget") }} as widgets
cross join {{ ref("default_viewport") }} as viewports
left join {{ ref("widget_viewport_layout") }} as layouts
    on
        widgets.page_widget_id = layouts.page_widget_id
        and viewports.viewport = layouts.viewport
where layouts.page_widget_id is null

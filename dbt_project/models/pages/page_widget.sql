with

widgets as (
    select * from {{ ref("default_page_widget") }}
),

final as (
    select
        -- ids
        {{ path_of(["page_slug", "tab_slug", "section_slug", "chart_id"]) }}
            as page_widget_id,
        {{ path_of(["page_slug", "tab_slug", "section_slug"]) }} as page_section_id,
        {{ path_of(["page_slug", "tab_slug"]) }} as page_tab_id,
        page_slug as page_id,
        chart_id,

        -- json
        jsonb_build_object(
            'x', grid_x,
            'y', grid_y,
            'w', grid_width,
            'h', grid_height,
            'minW', least(grid_width, 2),
            'minH', least(grid_height, 2),
            'maxW', 12,
            'maxH', 24
        ) as grid_position,
        coalesce(config_overrides, '{}')::jsonb as config_overrides,

        -- numerics
        grid_x,
        grid_y,
        grid_width,
        grid_height,
        sort_order,

        -- booleans
        is_visible
    from widgets
)

select * from final

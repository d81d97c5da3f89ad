with

tabs as (
    select * from {{ ref("default_page_tab") }}
),

final as (
    select
        -- ids
        {{ path_of(["page_slug", "tab_slug"]) }} as page_tab_id,
        page_slug as page_id,

        -- strings
        tab_slug,
        tab_name,
        icon,

        -- numerics
        sort_order,

        -- booleans
        is_default
    from tabs
)

select * from final

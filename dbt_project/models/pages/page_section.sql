with

sections as (
    select * from {{ ref("default_page_section") }}
),

final as (
    select
        -- ids
        {{ path_of(["page_slug", "tab_slug", "section_slug"]) }} as page_section_id,
        {{ path_of(["page_slug", "tab_slug"]) }} as page_tab_id,
        page_slug as page_id,

        -- strings
        section_slug,
        section_name,
        subtitle,
        layout,

        -- numerics
        sort_order
    from sections
)

select * from final

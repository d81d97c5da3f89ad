with

pages as (
    select * from {{ ref("default_page") }}
),

final as (
    select
        -- ids
        page_slug as page_id,

        -- strings
        page_slug,
        page_name,
        icon,
        description,

        -- numerics
        sort_order,

        -- booleans
        is_published
    from pages
)

select * from final

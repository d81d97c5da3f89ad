with

options as (
    select * from {{ ref("default_page_filter_option") }}
),

final as (
    select
        -- ids
        concat_ws('/', page_slug, tab_slug, section_slug) || '#' || filter_key
            as page_filter_id,

        -- strings
        option_value,
        label,

        -- numerics
        sort_order,

        -- booleans
        is_default
    from options
)

select * from final

with

filters as (
    select * from {{ ref("default_page_filter") }}
),

final as (
    select
        -- ids
        concat_ws('/', page_slug, tab_slug, section_slug) || '#' || filter_key
            as page_filter_id,
        page_slug as page_id,
        {{ path_or_null(["page_slug", "tab_slug"]) }} as page_tab_id,
        {{ path_or_null(["page_slug", "tab_slug", "section_slug"]) }}
            as page_section_id,

        -- strings
        filter_key,
        filter_type,
        label,
        placeholder,

        -- json
        to_jsonb(default_value) as default_value,

        -- numerics
        sort_order,

        -- booleans
        is_visible,
        is_required
    from filters
)

select * from final

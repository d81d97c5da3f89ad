-- what must be chosen is chosen at first, and what is chosen at first can be chosen
with

options as (
    select
        page_filter_id,
        jsonb_agg(to_jsonb(option_value)) as choices,
        jsonb_agg(to_jsonb(option_value)) filter (where is_default) as defaults
    from {{ ref("page_filter_option") }}
    group by page_filter_id
)

select
    filters.page_filter_id,
    filters.default_value,
    options.defaults
from {{ ref("page_filter") }} as filters
left join options on filters.page_filter_id = options.page_filter_id
where
    (filters.is_required and filters.default_value is null)
    or filters.default_value is distinct from options.defaults -> 0
    or jsonb_array_length(options.defaults) > 1
    or (
        filters.default_value is not null
        and not options.choices @> filters.default_value
    )

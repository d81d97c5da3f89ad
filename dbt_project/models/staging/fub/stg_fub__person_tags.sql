{# without a WITH, so that the rows of some people are looked up: see is_live #}
-- each person's list by itself: a distinct over 300k people took minutes, this a second
select
    -- ids
    source.connection_id,
    source.row_key,
    source.person_source_id,

    -- strings
    tags.tag
from {{ ref("stg_fub__people") }} as source
cross join
    lateral (
        select distinct {{ present("elements.item #>> '{}'") }} as tag
        from {{ json_elements("source.tags") }} as elements (item)
    ) as tags
where tags.tag is not null

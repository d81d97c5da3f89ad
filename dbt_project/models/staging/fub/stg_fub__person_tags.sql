with

source as (
    select * from {{ ref("stg_fub__people") }}
),

-- each person's list by itself: a distinct over 300k people took minutes, this a second
renamed as (
    select
        -- ids
        source.connection_id,
        source.row_key,
        source.person_source_id,

        -- strings
        tags.tag
    from source
    cross join
        lateral (
            select distinct {{ present("elements.item #>> '{}'") }} as tag
            from {{ json_elements("source.tags") }} as elements (item)
        ) as tags
    where tags.tag is not null
)

select * from renamed

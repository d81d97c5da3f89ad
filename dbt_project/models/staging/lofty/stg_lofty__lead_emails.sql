with

source as (
    select * from {{ ref("stg_lofty__leads") }}
),

renamed as (
    select
        -- ids
        source.connection_id,
        source.lead_source_id,
        elements.position as email_position,

        -- strings
        lower({{ present("elements.item #>> '{}'") }}) as email,

        -- booleans
        source.is_email_forbidden,
        source.is_unsubscribed,

        -- loading
        source.synced_at
    from source
    cross join
        lateral {{ json_elements("source.emails") }}
        with ordinality as elements (item, position)
    where {{ present("elements.item #>> '{}'") }} is not null
)

select * from renamed

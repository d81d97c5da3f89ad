with

source as (
    select * from {{ ref("stg_stripe__products") }}
),

renamed as (
    select
        -- ids
        source.connection_id,
        source.product_source_id,
        elements.position as feature_position,

        -- strings
        {{ json_text("elements.item", "name") }} as feature_name,

        -- loading
        source.synced_at
    from source
    cross join
        lateral {{ json_elements("source.marketing_features") }}
        with ordinality as elements (item, position)
)

select * from renamed

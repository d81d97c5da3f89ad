with

source as (
    select * from {{ ref("stg_stripe__subscriptions") }}
),

renamed as (
    select
        -- ids
        source.connection_id,
        source.subscription_source_id,
        elements.position as discount_position,
        case jsonb_typeof(elements.item)
            when 'object' then elements.item ->> 'id'
            else elements.item #>> '{}'
        end as discount_source_id,

        -- loading
        source.synced_at
    from source
    cross join
        lateral {{ json_elements("source.discounts") }}
        with ordinality as elements (item, position)
)

select * from renamed

with

source as (
    select * from {{ ref("stg_skyslope__sales") }}
),

renamed as (
    select
        -- ids
        source.connection_id,
        source.sale_source_id,
        elements.position as line_position,

        -- strings
        {{ json_text("elements.item", "name") }} as line_name,
        {{ json_text("elements.item", "details") }} as line_details,

        -- numerics
        {{ json_numeric("elements.item", "amount") }} as line_amount,

        -- loading
        source.synced_at
    from source
    cross join
        lateral {{ json_elements("source.commission_breakdowns") }}
        with ordinality as elements (item, position)
)

select * from renamed

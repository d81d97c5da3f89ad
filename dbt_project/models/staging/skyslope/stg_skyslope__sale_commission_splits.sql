with

source as (
    select * from {{ ref("stg_skyslope__sales") }}
),

renamed as (
    select
        -- ids
        source.connection_id,
        source.sale_source_id,
        elements.position as split_position,
        lower({{ json_text("elements.item", "agentGuid") }}) as agent_user_source_id,

        -- numerics
        {{ json_numeric("elements.item", "amount") }} as split_amount,
        {{ json_numeric("elements.item", "percentage") }} as split_percent,

        -- loading
        source.synced_at
    from source
    cross join
        lateral {{ json_elements("source.commission_splits") }}
        with ordinality as elements (item, position)
)

select * from renamed

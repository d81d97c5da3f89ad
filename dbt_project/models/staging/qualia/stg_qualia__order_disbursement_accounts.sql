with

source as (
    select * from {{ ref("stg_qualia__orders") }}
),

renamed as (
    select
        -- ids
        source.connection_id,
        source.order_source_id,
        elements.position as account_position,

        -- strings
        {{ json_text('elements.item', 'name') }} as account_label,

        -- loading
        source.synced_at
    from source
    cross join
        lateral {{ json_elements("source.disbursement_accounts") }}
        with ordinality as elements (item, position)
    where jsonb_typeof(elements.item) = 'object'
)

select * from renamed

with

source as (
    select * from {{ ref("stg_qualia__charges") }}
),

renamed as (
    select
        -- ids
        source.connection_id,
        source.order_source_id,
        source.charge_position,
        elements.position as payee_position,

        -- strings
        {{ json_text('elements.item', 'type') }} as payee_type,
        {{ json_text('elements.item', 'name') }} as payee_name,
        {{ json_text('elements.item', 'label') }} as payee_label,
        {{ address_columns("(elements.item -> 'address')", '') }},

        -- numerics
        round({{ json_numeric('elements.item', 'amount') }}, 4) as payee_amount,

        -- loading
        source.synced_at
    from source
    cross join
        lateral {{ json_elements("source.payees") }}
        with ordinality as elements (item, position)
    where jsonb_typeof(elements.item) = 'object'
)

select * from renamed

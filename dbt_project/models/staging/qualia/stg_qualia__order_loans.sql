with

source as (
    select * from {{ ref("stg_qualia__orders") }}
),

renamed as (
    select
        -- ids
        source.connection_id,
        source.order_source_id,
        elements.position as loan_position,

        -- numerics
        round({{ json_numeric('elements.item', 'amount') }}, 4) as loan_amount,
        {{ json_numeric('elements.item', 'interestRate') }} as interest_rate_percent,

        -- loading
        source.synced_at
    from source
    cross join
        lateral {{ json_elements("source.loans") }}
        with ordinality as elements (item, position)
    where jsonb_typeof(elements.item) = 'object'
)

select * from renamed

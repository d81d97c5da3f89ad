with

source as (
    select
        'transactions' as source_entity,
        *
    from {{ ref("stg_rezen__transactions") }}
    union all
    select
        'listings' as source_entity,
        *
    from {{ ref("stg_rezen__listings") }}
),

renamed as (
    select
        -- ids
        source.connection_id,
        source.source_entity,
        source.deal_source_id,
        elements.position as split_number,
        {{ json_text("elements.split", "participantId") }}
            as participant_source_id,
        {{ json_text("elements.split", ["yentaId", "yentaUserId"]) }}
            as agent_source_id,

        -- strings
        {{ json_currency("(elements.split -> 'amount')") }} as currency,

        -- numerics
        {{ json_amount("(elements.split -> 'amount')") }} as split_amount,
        {{ json_percent("(elements.split -> 'percentage')") }} as split_percent,

        -- loading
        source.synced_at
    from source
    cross join
        lateral {{ json_elements("source.commission_splits") }}
        with ordinality as elements (split, position)
    where jsonb_typeof(elements.split) = 'object'
)

select * from renamed

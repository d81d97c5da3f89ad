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

elements as (
    select
        source.connection_id,
        source.source_entity,
        source.deal_source_id,
        source.synced_at,
        elements.payee,
        elements.position
    from source
    cross join
        lateral {{ json_elements("source.paid_participants") }}
        with ordinality as elements (payee, position)
    where jsonb_typeof(elements.payee) = 'object'
),

renamed as (
    select
        -- ids
        connection_id,
        source_entity,
        deal_source_id,
        coalesce(
            {{ json_text("payee", ["participantId", "id"]) }},
            {{ hash_of(["position", "payee"]) }}
        ) as participant_source_id,
        {{ json_text("payee", ["yentaId", "yentaUserId"]) }} as agent_source_id,

        -- strings
        {{ json_text("payee", "name") }} as payee_name,
        {{ json_text("payee", ["participantRole", "role"]) }} as participant_role,
        coalesce(
            {{ json_currency("(payee -> 'paymentAmount')") }},
            {{ json_currency("(payee -> 'amount')") }}
        ) as payment_currency,

        -- numerics
        coalesce(
            {{ json_amount("(payee -> 'paymentAmount')") }},
            {{ json_amount("(payee -> 'amount')") }}
        ) as payment_amount,

        -- booleans
        {{ json_boolean("payee", "paidByReal") }} as is_paid_by_real,

        -- dates
        {{ safe_instant("(payee ->> 'paidAt')") }} as paid_at,

        -- loading
        synced_at
    from elements
),

deduplicated as (
    select distinct on (
        connection_id, source_entity, deal_source_id, participant_source_id
    ) *
    from renamed
    order by
        connection_id, source_entity, deal_source_id, participant_source_id,
        paid_at desc nulls last, payment_amount desc nulls last
)

select * from deduplicated

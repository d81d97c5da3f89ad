with

-- read twice, but of some deals only where some deals are asked for
details as not materialized (
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

list_rows as (
    select
        'transaction_list' as source_entity,
        *
    from {{ ref("stg_rezen__transaction_list_rows") }}
    union all
    select
        'listing_list' as source_entity,
        *
    from {{ ref("stg_rezen__listing_list_rows") }}
),

source as (
    select
        details.connection_id,
        details.source_entity,
        details.row_key,
        details.deal_source_id,
        details.synced_at,
        elements.participant,
        elements.position,
        false as is_other_party
    from details
    cross join
        lateral {{ json_elements("details.participants") }}
        with ordinality as elements (participant, position)

    union all

    -- external parties of some answers; on our side of the deal nobody is only here
    select
        details.connection_id,
        details.source_entity,
        details.row_key,
        details.deal_source_id,
        details.synced_at,
        elements.participant,
        elements.position,
        true as is_other_party
    from details
    cross join
        lateral {{ json_elements("details.other_participants") }}
        with ordinality as elements (participant, position)

    union all

    select
        list_rows.connection_id,
        list_rows.source_entity,
        list_rows.row_key,
        list_rows.deal_source_id,
        list_rows.synced_at,
        elements.participant,
        elements.position,
        false as is_other_party
    from list_rows
    cross join
        lateral {{ json_elements("list_rows.participants") }}
        with ordinality as elements (participant, position)
),

renamed as (
    select
        -- ids
        connection_id,
        source_entity,
        row_key,
        deal_source_id,
        coalesce(
            {{ json_text("participant", "id") }},
            {{ hash_of(["is_other_party", "position", "participant"]) }}
        ) as participant_source_id,
        {{ json_text("participant", ["yentaUserId", "yentaId"]) }} as agent_source_id,

        -- strings
        {{ json_text("participant", ["participantRole", "role"]) }} as participant_role,
        {{ json_text("participant", "firstName") }} as first_name,
        {{ json_text("participant", "lastName") }} as last_name,
        {{ json_text("participant", ["company", "companyName"]) }} as company,
        {{ json_text("participant", ["emailAddress", "email"]) }} as email_address,
        {{ json_text("participant", ["phoneNumber", "phone"]) }} as phone_number,
        {{ json_currency("(participant -> 'payment' -> 'amount')") }}
            as payment_currency,

        -- json
        participant -> 'address' as address,

        -- numerics
        {{ json_amount("(participant -> 'payment' -> 'amount')") }} as payment_amount,
        {{ json_percent("(participant -> 'payment' -> 'percent')") }}
            as payment_percent,

        -- booleans
        is_other_party,
        coalesce({{ json_boolean("participant", "external") }}, is_other_party)
            as is_external,
        coalesce({{ json_boolean("participant", "paidByReal") }}, false)
            as is_paid_by_real,
        jsonb_typeof(participant -> 'payment') = 'object' as has_payment,

        -- dates
        {{ safe_instant("(participant ->> 'createdAt')") }} as created_at,
        {{ safe_instant("(participant ->> 'updatedAt')") }} as updated_at,

        -- loading
        synced_at
    from source
    where jsonb_typeof(participant) = 'object'
),

deduplicated as (
    select distinct on (
        connection_id, source_entity, row_key, deal_source_id, participant_source_id
    ) *
    from renamed
    order by
        connection_id, source_entity, row_key, deal_source_id, participant_source_id,
        is_other_party, created_at, participant_role
)

select * from deduplicated

with

deals as (
    select * from {{ ref("int_deals__unified") }}
),

participants as (
    select * from {{ ref("int_participants__parsed") }}
),

roles as (
    select * from {{ ref("participant_role") }}
),

joined as (
    select
        -- ids
        {{ our_id("rezen", "deals.deal_source_id") }}
        || ':' || participants.participant_source_id as participant_id,
        case
            when not deals.is_listing then {{ our_id("rezen", "deals.deal_source_id") }}
        end as transaction_id,
        case
            when deals.is_listing then {{ our_id("rezen", "deals.deal_source_id") }}
        end as listing_id,
        {{ our_id("rezen", "participants.agent_source_id") }} as agent_id,
        participants.address_id,
        deals.deal_source_id,
        participants.participant_source_id,
        participants.agent_source_id,

        -- strings
        coalesce(participants.participant_role, 'UNKNOWN') as participant_role,
        coalesce(roles.role_kind, 'other') as role_kind,
        roles.side,
        participants.first_name,
        participants.last_name,
        participants.company,
        participants.email_address,
        participants.phone_number,
        participants.payment_currency,

        -- numerics
        participants.payment_amount,
        participants.payment_percent,

        -- booleans
        deals.is_listing,
        participants.is_external,
        participants.is_paid_by_real,
        participants.has_payment,
        (
            participants.agent_source_id is not null and not participants.is_external
        ) as is_real_agent,
        -- a role that the seed does not know may be an agent's: rather one than nobody
        (
            coalesce(roles.is_owner_role, roles.participant_role is null)
            and participants.agent_source_id is not null
            and not participants.is_external
        ) as can_own,

        -- dates
        participants.created_at,
        participants.updated_at
    from deals
    inner join participants
        on
            deals.deal_source_id = participants.deal_source_id
            and deals.parties_connection_id = participants.connection_id
            and deals.parties_entity = participants.source_entity
    left join roles on participants.participant_role = roles.participant_role
)

select * from joined

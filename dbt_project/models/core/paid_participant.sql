with

deals as (
    select * from {{ ref("int_deals__unified") }}
),

-- read twice: as a table of its own it would be written to disk
participants as not materialized (
    select * from {{ ref("participant") }}
),

stated as (
    select
        staged.*,
        deals.is_listing,
        deals.currency,
        deals.gross_commission_currency
    from deals
    inner join {{ ref("stg_rezen__paid_participants") }} as staged
        on
            deals.deal_source_id = staged.deal_source_id
            and deals.parties_connection_id = staged.connection_id
            and deals.parties_entity = staged.source_entity
),

from_vendor as (
    select
        stated.deal_source_id,
        stated.participant_source_id,
        stated.is_listing,
        coalesce(
            {{ our_id("rezen", "stated.agent_source_id") }}, participants.agent_id
        ) as agent_id,
        coalesce(stated.participant_role, participants.participant_role)
            as participant_role,
        coalesce(
            stated.payee_name,
            participants.company,
            nullif(concat_ws(' ', participants.first_name, participants.last_name), '')
        ) as payee_name,
        coalesce(stated.payment_amount, participants.payment_amount) as payment_amount,
        coalesce(
            stated.payment_currency,
            participants.payment_currency,
            stated.currency,
            stated.gross_commission_currency
        ) as currency,
        coalesce(stated.is_paid_by_real, participants.is_paid_by_real)
            as is_paid_by_real,
        stated.paid_at,
        'vendor' as provenance
    from stated
    left join participants
        on
            stated.deal_source_id = participants.deal_source_id
            and stated.participant_source_id = participants.participant_source_id
),

-- many answers list no payees: who has a payment or is paid by Real is one (§6.5)
derived as (
    select
        participants.deal_source_id,
        participants.participant_source_id,
        participants.is_listing,
        participants.agent_id,
        participants.participant_role,
        coalesce(
            participants.company,
            nullif(concat_ws(' ', participants.first_name, participants.last_name), '')
        ) as payee_name,
        participants.payment_amount,
        coalesce(
            participants.payment_currency,
            deals.currency,
            deals.gross_commission_currency
        ) as currency,
        participants.is_paid_by_real,
        null::timestamptz as paid_at,
        'derived' as provenance
    from participants
    inner join deals on participants.deal_source_id = deals.deal_source_id
    where
        (participants.has_payment or participants.is_paid_by_real)
        and not exists (
            select 1
            from stated
            where stated.deal_source_id = participants.deal_source_id
        )
),

combined as (
    select * from from_vendor
    union all
    select * from derived
),

final as (
    select
        -- ids
        {{ our_id("rezen", "deal_source_id") }} || ':' || participant_source_id
            as paid_participant_id,
        case when not is_listing then {{ our_id("rezen", "deal_source_id") }} end
            as transaction_id,
        case when is_listing then {{ our_id("rezen", "deal_source_id") }} end
            as listing_id,
        participant_source_id,
        agent_id,

        -- strings
        participant_role,
        payee_name,
        currency,
        provenance,

        -- numerics
        payment_amount,

        -- booleans
        is_paid_by_real,

        -- dates
        paid_at
    from combined
)

select * from final

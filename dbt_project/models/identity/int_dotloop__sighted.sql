with

loops as (
    select * from {{ ref("stg_dotloop__loops") }}
),

participants as (
    select * from {{ ref("stg_dotloop__participants") }}
),

crosswalk as (
    select * from {{ ref("agent_crosswalk") }}
    where vendor = 'dotloop' and person_kind = 'participant'
),

agents as (
    select
        participants.connection_id,
        participants.loop_source_id,
        array_remove(array_agg(distinct participants.email), null) as agent_emails,
        array_remove(array_agg(distinct crosswalk.agent_id), null) as agent_ids
    from participants
    left join crosswalk
        on
            participants.connection_id = crosswalk.account_source_id
            and crosswalk.person_source_id = coalesce(
                'email:' || participants.email,
                'name:' || {{ name_key("participants.full_name") }}
            )
    where participants.role_name ~ '(AGENT|BROKER)$'
    group by participants.connection_id, participants.loop_source_id
),

clients as (
    select
        connection_id,
        profile_source_id,
        loop_source_id,
        string_agg(full_name, ', ' order by participant_source_id) filter (
            where role_name in ('BUYER', 'TENANT')
        ) as buyer_name,
        string_agg(full_name, ', ' order by participant_source_id) filter (
            where role_name in ('SELLER', 'LANDLORD')
        ) as seller_name
    from participants
    group by connection_id, profile_source_id, loop_source_id
),

-- a profile of a team or an office shows the loops of its people under the same link
latest as (
    select distinct on (loop_source_id)
        *,
        -- a listing loop turns into a deal when there is a contract (contract §4)
        (
            transaction_type like 'LISTING%'
            and (
                loop_status like '%LISTING'
                or (
                    loop_status = 'ARCHIVED'
                    and contract_agreement_date is null
                    and closing_date is null
                )
            )
        ) as is_listing_loop
    from loops
    order by
        loop_source_id, updated_at desc nulls last, synced_at desc, connection_id,
        profile_source_id
),

final as (
    select
        {{ deal_sighting("dotloop", {
            "account_source_id": "'dotloop'",
            "source_id": "latest.loop_source_id",
            "connection_id": "latest.connection_id",
            "is_listing": "coalesce(latest.is_listing_loop, false)",
            "references": "array_remove(array[upper(latest.transaction_number)], null)",
            "street":
                "nullif(concat_ws(' ', latest.street_number, latest.street_name), '')",
            "unit": "latest.unit",
            "city": "latest.city",
            "state": "latest.state",
            "postal_code": "latest.postal_code",
            "side": "case
                when latest.transaction_type like 'LISTING%' then 'sell'
                when latest.transaction_type like '%OFFER' then 'buy'
            end",
            "price_amount": "coalesce(
                case when latest.is_listing_loop then latest.current_price_amount end,
                latest.sale_price_amount, latest.rent_amount
            )",
            "gross_commission_amount":
                "coalesce(latest.commission_amount, latest.rent_commission_amount)",
            "contract_date": "latest.contract_agreement_date",
            "estimated_closing_date": "latest.closing_date",
            "listing_date": "latest.listing_date",
            "expiration_date": "latest.listing_expiration_date",
            "agent_emails": "agents.agent_emails",
            "agent_ids": "agents.agent_ids",
            "mls_number": "latest.mls_number",
            "vendor_status": "latest.loop_status",
            "transaction_type": "latest.transaction_type",
            "property_type": "latest.property_type",
            "lead_source": "latest.lead_source",
            "buyer_name": "clients.buyer_name",
            "seller_name": "clients.seller_name",
            "can_stand_alone": "
                latest.transaction_type ~ '^(LISTING_|PURCHASE_OFFER|LEASE_OFFER)'
                and latest.loop_status in (
                    'UNDER_CONTRACT', 'SOLD', 'PURCHASED', 'LEASED', 'ACTIVE_LISTING',
                    'PRIVATE_LISTING'
                )
            ",
            "created_at": "latest.created_at",
            "updated_at": "latest.updated_at",
        }) }}
    from latest
    left join agents
        on
            latest.connection_id = agents.connection_id
            and latest.loop_source_id = agents.loop_source_id
    left join clients
        on
            latest.connection_id = clients.connection_id
            and latest.profile_source_id = clients.profile_source_id
            and latest.loop_source_id = clients.loop_source_id
)

select * from final

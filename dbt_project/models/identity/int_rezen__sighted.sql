with

deals as (
    select * from {{ ref("int_deals__classified") }}
),

participants as (
    select * from {{ ref("participant") }}
),

agents as (
    select * from {{ ref("agent") }}
),

people as (
    select
        participants.deal_source_id,
        array_remove(
            array_agg(distinct lower(participants.email_address))
            || array_agg(distinct agents.email),
            null
        ) as agent_emails,
        array_agg(distinct participants.agent_id) as agent_ids
    from participants
    left join agents on participants.agent_id = agents.agent_id
    where participants.is_real_agent
    group by participants.deal_source_id
),

final as (
    select
        {{ deal_sighting("rezen", {
            "account_source_id": "'rezen'",
            "source_id": "deals.deal_source_id",
            "connection_id": "deals.parties_connection_id",
            "is_listing": "deals.is_listing",
            "references": "array[
                upper(deals.transaction_code), upper(deals.deal_source_id)
            ]",
            "street": json_text("deals.address", "street"),
            "unit": json_text("deals.address", ["unit", "street2"]),
            "city": json_text("deals.address", "city"),
            "state": json_text("deals.address", ["state", "stateOrProvince"]),
            "postal_code": json_text("deals.address", ["zip", "zipCode", "zipcode"]),
            "side": "case
                when deals.representation in ('BUYER', 'TENANT') then 'buy'
                when deals.representation in ('SELLER', 'LANDLORD') then 'sell'
                when deals.representation = 'DUAL' then 'both'
                when deals.is_listing then 'sell'
            end",
            "price_amount": "deals.price_amount",
            "price_currency": "coalesce(
                deals.price_currency, deals.currency, deals.gross_commission_currency
            )",
            "gross_commission_amount": "deals.gross_commission_amount",
            "gross_commission_currency": "coalesce(
                deals.gross_commission_currency, deals.currency, deals.price_currency
            )",
            "contract_date": "deals.contract_date",
            "estimated_closing_date": "deals.estimated_closing_date",
            "actual_closing_date": "deals.closed_on",
            "listing_date": "deals.listing_date",
            "expiration_date": "deals.listing_expiration_date",
            "agent_emails": "people.agent_emails",
            "agent_ids": "array_remove(people.agent_ids || array["
                ~ our_id("rezen", "deals.owner_source_id") ~ "], null)",
            "mls_number": "deals.mls_number",
            "escrow_number": "deals.escrow_number",
            "vendor_status": "deals.lifecycle_state",
            "transaction_type": "deals.transaction_type",
            "property_type": "deals.property_type",
            "lead_source": "deals.lead_source",
            "can_stand_alone": "true",
            "created_at": "deals.created_at",
            "updated_at": "deals.updated_at",
        }) }}
    from deals
    left join people on deals.deal_source_id = people.deal_source_id
)

select * from final

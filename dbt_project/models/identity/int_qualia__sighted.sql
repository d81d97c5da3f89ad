with

connections as (
    select * from {{ ref("stg_control__connections") }}
),

orders as (
    select distinct on (order_source_id) *
    from {{ ref("stg_qualia__orders") }}
    order by order_source_id, synced_at desc, connection_id
),

-- of several parcels the one with a number is the house
properties as (
    select distinct on (connection_id, order_source_id) *
    from {{ ref("stg_qualia__order_properties") }}
    order by
        connection_id, order_source_id, (street !~ '^\s*[0-9]') nulls last,
        property_position
),

parties as (
    select * from {{ ref("stg_qualia__parties") }}
),

crosswalk as (
    select * from {{ ref("agent_crosswalk") }}
    where vendor = 'qualia'
),

agents as (
    select
        parties.connection_id,
        parties.order_source_id,
        array_remove(array_agg(distinct parties.email), null) as agent_emails,
        array_remove(array_agg(distinct crosswalk.agent_id), null) as agent_ids,
        -- on one side only: that is the side we are on
        bool_or(crosswalk.agent_id is not null and parties.party_kind like 'selling%')
            as is_ours_buying,
        bool_or(crosswalk.agent_id is not null and parties.party_kind like 'listing%')
            as is_ours_selling
    from parties
    left join crosswalk
        on
            parties.connection_id = crosswalk.account_source_id
            and parties.party_source_id = crosswalk.person_source_id
    where
        parties.party_kind in ('listingAgencies', 'sellingAgencies')
        and parties.party_type = 'OrderAssociate'
    group by parties.connection_id, parties.order_source_id
),

clients as (
    select
        connection_id,
        order_source_id,
        string_agg(
            coalesce(party_name, nullif(concat_ws(' ', first_name, last_name), '')),
            ', ' order by party_position
        ) filter (where party_kind = 'borrowers') as buyer_name,
        string_agg(
            coalesce(party_name, nullif(concat_ws(' ', first_name, last_name), '')),
            ', ' order by party_position
        ) filter (where party_kind = 'sellers') as seller_name
    from parties
    where party_kind in ('borrowers', 'sellers')
    group by connection_id, order_source_id
),

final as (
    select
        {{ deal_sighting("qualia", {
            "account_source_id": account_of("orders"),
            "source_id": "orders.order_source_id",
            "connection_id": "orders.connection_id",
            "is_listing": "false",
            "references":
                "array_remove(array[upper(orders.external_reference_number)], null)",
            "street": "properties.street",
            "unit": "properties.unit",
            "city": "properties.city",
            "state": "properties.state",
            "postal_code": "properties.postal_code",
            "side": "case
                when agents.is_ours_buying and agents.is_ours_selling then null
                when agents.is_ours_buying then 'buy'
                when agents.is_ours_selling then 'sell'
            end",
            "price_amount": "orders.purchase_price_amount",
            "price_currency":
                "case when orders.purchase_price_amount is not null then 'USD' end",
            "estimated_closing_date": reporting_date("orders.estimated_closing_at"),
            "actual_closing_date": reporting_date("orders.closed_at"),
            "agent_emails": "agents.agent_emails",
            "agent_ids": "agents.agent_ids",
            "escrow_number": "orders.order_number",
            "vendor_status": "orders.order_status",
            "transaction_type": "orders.transaction_type",
            "buyer_name": "clients.buyer_name",
            "seller_name": "clients.seller_name",
            "can_stand_alone": "
                orders.transaction_type = 'PURCHASE'
                and coalesce(cardinality(agents.agent_ids), 0) > 0
            ",
            "created_at": "orders.opened_at",
            "updated_at": "orders.synced_at",
        }) }}
    from orders
    left join connections on orders.connection_id = connections.connection_id
    left join properties
        on
            orders.connection_id = properties.connection_id
            and orders.order_source_id = properties.order_source_id
    left join agents
        on
            orders.connection_id = agents.connection_id
            and orders.order_source_id = agents.order_source_id
    left join clients
        on
            orders.connection_id = clients.connection_id
            and orders.order_source_id = clients.order_source_id
)

select * from final

with

connections as (
    select * from {{ ref("stg_control__connections") }}
),

people as (
    select * from {{ ref("agent_crosswalk") }}
    where vendor = 'skyslope'
),

-- a file is the same for all who see it: one copy of each
sales as (
    select distinct on (lower(sale_source_id)) *
    from {{ ref("stg_skyslope__sales") }}
    order by
        lower(sale_source_id), modified_at desc nulls last, synced_at desc,
        connection_id
),

listings as (
    select distinct on (lower(listing_source_id)) *
    from {{ ref("stg_skyslope__listings") }}
    order by
        lower(listing_source_id), modified_at desc nulls last, synced_at desc,
        connection_id
),

buyers as (
    select
        connection_id,
        sale_source_id,
        string_agg(
            coalesce(nullif(concat_ws(' ', first_name, last_name), ''), company),
            ', ' order by contact_position
        ) filter (where contact_role = 'buyer') as buyer_name,
        string_agg(
            coalesce(nullif(concat_ws(' ', first_name, last_name), ''), company),
            ', ' order by contact_position
        ) filter (where contact_role = 'seller') as seller_name
    from {{ ref("stg_skyslope__sale_contacts") }}
    where contact_role in ('buyer', 'seller')
    group by connection_id, sale_source_id
),

{% for kind, key in [
    ("sales", "sale_source_id"),
    ("listings", "listing_source_id"),
] %}
{{ kind }}_people as (
    select
        {{ kind }}.{{ key }},
        array_remove(array_agg(distinct people.email), null) as agent_emails,
        array_remove(array_agg(distinct people.agent_id), null) as agent_ids
    from {{ kind }}
    left join connections on {{ kind }}.connection_id = connections.connection_id
    inner join people
        on
            {{ account_of(kind) }} = people.account_source_id
            and (
                {{ kind }}.agent_user_source_id = people.person_source_id
                or exists (
                    select 1
                    from {{ json_elements(kind ~ ".co_agent_guids") }} as guids (guid)
                    where people.person_source_id = lower(guids.guid #>> '{}')
                )
            )
    group by {{ kind }}.{{ key }}
),
{% endfor %}

final as (
    select
        {{ deal_sighting("skyslope", {
            "account_source_id": account_of("sales"),
            "source_id": "lower(sales.sale_source_id)",
            "connection_id": "sales.connection_id",
            "is_listing": "false",
            "street": "nullif(concat_ws(' ', sales.street_number, sales.street_name), '')",
            "unit": "sales.unit",
            "city": "sales.city",
            "state": "sales.state",
            "postal_code": "sales.postal_code",
            "side": "case
                when sales.deal_type ~* '(purchase|buyer|tenant)'
                    and sales.deal_type ~* '(listing|seller|landlord)' then 'both'
                when sales.deal_type ~* '(purchase|buyer|tenant)' then 'buy'
                when sales.deal_type ~* '(listing|seller|landlord)' then 'sell'
            end",
            "price_amount": "sales.sale_price_amount",
            "gross_commission_amount": "sales.gross_commission_amount",
            "contract_date": "sales.contract_acceptance_date",
            "estimated_closing_date": "sales.estimated_closing_date",
            "actual_closing_date": "sales.actual_closing_date",
            "agent_emails": "sales_people.agent_emails",
            "agent_ids": "sales_people.agent_ids",
            "mls_number": "sales.mls_number",
            "escrow_number": "sales.escrow_number",
            "vendor_status": "sales.file_status",
            "lead_source": "coalesce(sales.other_lead_source, sales.lead_source)",
            "buyer_name": "buyers.buyer_name",
            "seller_name": "buyers.seller_name",
            "can_stand_alone": "true",
            "created_at": "sales.created_at",
            "updated_at": "sales.modified_at",
        }) }}
    from sales
    left join connections on sales.connection_id = connections.connection_id
    left join sales_people on sales.sale_source_id = sales_people.sale_source_id
    left join buyers
        on
            sales.connection_id = buyers.connection_id
            and sales.sale_source_id = buyers.sale_source_id

    union all

    select
        {{ deal_sighting("skyslope", {
            "account_source_id": account_of("listings"),
            "source_id": "lower(listings.listing_source_id)",
            "connection_id": "listings.connection_id",
            "is_listing": "true",
            "street":
                "nullif(concat_ws(' ', listings.street_number, listings.street_name), '')",
            "unit": "listings.unit",
            "city": "listings.city",
            "state": "listings.state",
            "postal_code": "listings.postal_code",
            "side": "'sell'",
            "price_amount": "listings.listing_price_amount",
            "gross_commission_amount": "listings.gross_commission_amount",
            "listing_date": "listings.listing_date",
            "expiration_date": "listings.expiration_date",
            "agent_emails": "listings_people.agent_emails",
            "agent_ids": "listings_people.agent_ids",
            "mls_number": "listings.mls_number",
            "vendor_status": "listings.file_status",
            "lead_source": "coalesce(listings.other_lead_source, listings.lead_source)",
            "can_stand_alone": "true",
            "created_at": "listings.created_at",
            "updated_at": "listings.modified_at",
        }) }}
    from listings
    left join connections on listings.connection_id = connections.connection_id
    left join listings_people
        on listings.listing_source_id = listings_people.listing_source_id
)

select * from final

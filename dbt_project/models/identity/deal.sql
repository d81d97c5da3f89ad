with

sightings as (
    select * from {{ ref("int_sightings__normalised") }}
),

resolved as (
    select * from {{ ref("int_sightings__resolved") }}
    where match_state in ('in_rezen', 'outside_rezen')
),

agents as (
    select * from {{ ref("agent") }}
),

members as (
    select
        resolved.root_id,
        sightings.*,
        nullif(sightings.lifecycle_group, 'UNKNOWN') as known_group
    from resolved
    inner join sightings on resolved.sighting_id = sightings.sighting_id
),

merged as (
    select
        root_id,
        count(*) as record_count,
        string_agg(distinct vendor, ', ' order by vendor) as vendors,
        {{ winner("known_group", ["deal_status"]) }},
        {{ winner(
            "street", ["unit", "city", "state_code", "postal_code", "country"]
        ) }},
        {{ winner("side") }},
        {{ winner("price_amount", ["price_currency"]) }},
        {{ winner("gross_commission_amount", ["gross_commission_currency"]) }},
        {{ winner("transaction_type") }},
        {{ winner("property_type") }},
        {{ winner("mls_number") }},
        {{ winner("escrow_number") }},
        {{ winner("lead_source") }},
        {{ winner("buyer_name") }},
        {{ winner("seller_name") }},
        {{ winner("contract_date") }},
        {{ winner("estimated_closing_date") }},
        {{ winner("actual_closing_date") }},
        {{ winner("listing_date") }},
        {{ winner("expiration_date") }},
        min(created_at) as created_at,
        max(updated_at) as updated_at
    from members
    group by root_id
),

-- who a deal that reZEN does not know is credited to: the first agent of its root
owners as (
    select distinct on (members.root_id)
        members.root_id,
        agents.agent_id,
        members.vendor
    from members
    cross join
        lateral unnest(string_to_array(members.agent_ids, ','))
        with ordinality as on_deal (agent_id, place)
    inner join agents on on_deal.agent_id = agents.agent_id
    order by
        members.root_id, members.vendor_rank, members.updated_at desc nulls last,
        members.sighting_id, on_deal.place
),

final as (
    select
        -- ids
        merged.root_id as deal_id,
        case when not roots.is_listing then merged.root_id end as transaction_id,
        case when roots.is_listing then merged.root_id end as listing_id,
        roots.source_id as deal_source_id,
        roots.vendor as root_vendor,
        case when roots.vendor <> 'rezen' then owners.agent_id end as owner_agent_id,

        -- strings
        roots.deal_kind,
        merged.vendors,
        coalesce(merged.known_group, 'UNKNOWN') as lifecycle_group,
        merged.known_group_provenance as lifecycle_group_provenance,
        coalesce(merged.deal_status, roots.deal_status) as deal_status,
        roots.vendor_status,
        {% for field in [
            "street", "side", "price_amount", "gross_commission_amount",
            "transaction_type", "property_type", "mls_number", "escrow_number",
            "lead_source", "buyer_name", "seller_name", "contract_date",
            "estimated_closing_date", "actual_closing_date", "listing_date",
            "expiration_date",
        ] %}
        merged.{{ field }},
        merged.{{ field }}_provenance,
        {% endfor %}
        merged.unit,
        merged.city,
        merged.state_code,
        merged.postal_code,
        merged.country,
        -- an amount without a currency is in that of the property's country
        coalesce(
            merged.price_currency, {{ currency_of_country("merged.country") }}, 'USD'
        ) as price_currency,
        coalesce(
            merged.gross_commission_currency,
            case
                when merged.gross_commission_amount_provenance
                    = merged.price_amount_provenance
                    then merged.price_currency
            end,
            {{ currency_of_country("merged.country") }},
            'USD'
        ) as gross_commission_currency,

        -- numerics
        merged.record_count,

        -- booleans
        roots.vendor = 'rezen' as is_in_rezen,

        -- dates
        merged.created_at,
        merged.updated_at
    from merged
    inner join sightings as roots on merged.root_id = roots.sighting_id
    left join owners on merged.root_id = owners.root_id
)

select * from final

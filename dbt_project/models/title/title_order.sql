{%- set address -%}
    jsonb_build_object(
        'street', properties.street,
        'unit', properties.unit,
        'city', properties.city,
        'state', coalesce(states.state_key, properties.state),
        'zip', properties.postal_code
    )
{%- endset -%}

with

latest as (
    {{ newest_copy("stg_qualia__orders", "order_source_id") }}
),

-- most orders have one property; the first is the one that is shown
properties as (
    select distinct on (connection_id, order_source_id)
        *,
        count(*) over (partition by connection_id, order_source_id) as property_count
    from {{ ref("stg_qualia__order_properties") }}
    order by connection_id, order_source_id, property_position
),

states as (
    select * from {{ ref("state_province") }}
    where country = 'UNITED_STATES'
),

final as (
    select
        -- ids
        {{ our_id("qualia", "latest.order_source_id") }} as title_order_id,
        latest.order_source_id,
        {{ our_id("qualia", "latest.agency_source_id") }} as title_agency_id,
        latest.order_number,
        latest.external_reference_number,
        case
            when properties.street is not null then {{ address_hash(address) }}
        end as address_id,

        -- strings
        latest.order_status,
        latest.order_stage,
        case latest.order_stage
            when 'OPEN' then 'Open'
            when 'PENDING' then 'Pending'
            when 'CLOSED' then 'Closed'
            when 'DISBURSED' then 'Disbursed'
            when 'CANCELLED' then 'Canceled'
            else latest.order_stage
        end as title_status,
        latest.transaction_type,
        properties.street as property_street,
        properties.unit as property_unit,
        properties.city as property_city,
        properties.county as property_county,
        properties.state as property_state,
        properties.postal_code as property_postal_code,

        -- numerics
        latest.purchase_price_amount,
        latest.earnest_amount,
        '{{ var("title_currency") }}'::text as currency,
        coalesce(properties.property_count, 0) as property_count,

        -- booleans
        latest.order_status = 'CLOSED' as is_closed,
        latest.order_stage = 'DISBURSED' as is_disbursed,
        latest.order_status = 'CANCELLED' as is_cancelled,

        -- dates
        latest.opened_at,
        latest.estimated_closing_at,
        latest.closed_at,
        latest.disbursed_at,
        latest.cancelled_at,
        {{ reporting_date("latest.opened_at") }} as opened_on,
        {{ reporting_date("latest.closed_at") }} as closed_on,
        {{ known_month(reporting_date("latest.closed_at")) }} as closed_month,
        {{ reporting_date("coalesce(latest.closed_at, latest.estimated_closing_at)") }}
            as closing_on,
        latest.connection_id as read_through_connection_id
    from latest
    left join properties
        on
            latest.connection_id = properties.connection_id
            and latest.order_source_id = properties.order_source_id
    left join states
        on {{ state_key("properties.state") }} in (states.state_key, states.state_code)
)

select * from final

with

orders as (
    select * from {{ ref("title_order") }}
),

financials as (
    select * from {{ ref("title_order_financials") }}
),

agencies as (
    select * from {{ ref("title_agency") }}
),

final as (
    select
        -- ids
        orders.title_order_id,
        orders.order_source_id,
        orders.order_number,
        orders.title_agency_id,

        -- strings
        agencies.agency_name,
        orders.title_status,
        orders.order_status,
        orders.transaction_type,
        orders.property_street,
        orders.property_unit,
        orders.property_city,
        orders.property_county,
        orders.property_state,
        orders.property_postal_code,
        orders.currency,

        -- numerics
        orders.purchase_price_amount::numeric(20, 4) as purchase_price_amount,
        {%- for column in [
            "earnest", "loan", "received", "disbursed", "undisbursed", "voided",
            "charges_borrower", "charges_seller", "charges",
        ] %}
        financials.{{ column }}_amount::numeric(20, 4) as {{ column }}_amount,
        {%- endfor %}
        financials.disbursement_count,
        financials.receipt_count,

        -- booleans
        orders.is_closed,
        orders.is_disbursed,
        orders.is_cancelled,
        financials.is_statement_balanced,
        financials.is_escrow_balanced,

        -- dates
        {{ known_date("orders.opened_on") }} as opened_date,
        orders.closed_on as closed_date,
        orders.closed_month,
        orders.closing_on as closing_date,
        orders.opened_at,
        orders.closed_at,
        orders.disbursed_at,
        orders.cancelled_at
    from orders
    inner join financials on orders.title_order_id = financials.title_order_id
    left join agencies on orders.title_agency_id = agencies.title_agency_id
)

select * from final

with

transactions as (
    select * from {{ ref("stg_files__transactions") }}
),

listings as (
    select * from {{ ref("stg_files__listings") }}
),

crosswalk as (
    select * from {{ ref("agent_crosswalk") }}
    where vendor = 'files'
),

users as (
    select * from {{ ref("app_user") }}
),

final as (
    {% for rows, key, kind in [
        ("transactions", "transaction_key", "false"), ("listings", "listing_key", "true"),
    ] %}
    {%- set shared = {
        "account_source_id": rows ~ ".connection_id",
        "source_id": rows ~ ".connection_id || ':' || " ~ rows ~ "." ~ key,
        "connection_id": rows ~ ".connection_id",
        "is_listing": kind,
        "street": rows ~ ".street", "unit": rows ~ ".unit", "city": rows ~ ".city",
        "state": rows ~ ".state", "postal_code": rows ~ ".postal_code",
        "listing_date": rows ~ ".listing_date",
        "agent_emails":
            "array_remove(array[coalesce(" ~ rows ~ ".agent_email, case when "
            ~ rows ~ ".agent_name is null then users.email end)], null)",
        "agent_ids":
            "array_remove(array[coalesce(crosswalk.agent_id, case when "
            ~ "coalesce(" ~ rows ~ ".agent_email, " ~ rows ~ ".agent_name) is null "
            ~ "then users.agent_id end)], null)",
        "mls_number": rows ~ ".mls_number",
        "property_type": rows ~ ".property_type",
        "lead_source": rows ~ ".lead_source", "seller_name": rows ~ ".seller_name",
        "can_stand_alone": "true", "updated_at": rows ~ ".synced_at",
    } -%}
    {%- set own = {
        "references": "array_remove(array[upper(transactions.transaction_source_id)], null)",
        "side": "case
            when transactions.represented_side ~* '(dual|both)' then 'both'
            when transactions.represented_side ~* '(buy|purchas|tenant)' then 'buy'
            when transactions.represented_side ~* '(sell|list|landlord)' then 'sell'
        end",
        "price_amount": "transactions.price_amount",
        "price_currency": "transactions.price_currency",
        "gross_commission_amount": "transactions.gross_commission_amount",
        "gross_commission_currency": "transactions.gross_commission_currency",
        "contract_date": "transactions.contract_date",
        "estimated_closing_date": "transactions.expected_closing_date",
        "actual_closing_date": "transactions.closing_date",
        "vendor_status": "transactions.transaction_status",
        "transaction_type": "transactions.transaction_type",
        "buyer_name": "transactions.buyer_name",
    } if kind == "false" else {
        "references": "array_remove(array[upper(listings.listing_source_id)], null)",
        "side": "'sell'",
        "price_amount": "listings.list_price_amount",
        "price_currency": "listings.list_price_currency",
        "expiration_date": "listings.expiration_date",
        "vendor_status": "listings.listing_status",
        "transaction_type": "listings.listing_type",
    } %}
    select
        {{ deal_sighting("files", dict(shared, **own)) }}
    from {{ rows }}
    left join crosswalk
        on
            {{ rows }}.connection_id = crosswalk.account_source_id
            and crosswalk.person_source_id = coalesce(
                'email:' || {{ rows }}.agent_email,
                'name:' || {{ name_key(rows ~ ".agent_name") }}
            )
    -- a row that names no agent is of the agent whose import it is
    left join users
        on split_part({{ rows }}.connection_id, ':', 1) = users.agent_key
    {{ "union all" if not loop.last }}
    {% endfor %}
)

select * from final

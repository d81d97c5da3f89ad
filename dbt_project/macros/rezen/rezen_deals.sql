{# Transactions and listings are one kind of record at reZEN and differ in one flag; each deal
   detail is staged alike. The flag is the vendor's, else it follows from the list it came from. #}
{% macro rezen_deals(entity, is_listing) %}
with

source as (
    {{ live_rows("rezen", entity) }}
),

renamed as (
    select
        -- ids
        connection_id,
        _key as row_key,
        {{ present("id") }} as deal_source_id,
        {{ present("team_id") }} as team_source_id,
        {{ present("journey_id") }} as journey_source_id,
        {{ present("built_from_transaction_id") }} as built_from_source_id,
        coalesce(
            {{ json_text("transaction_owner", ["id", "yentaId", "agentId"]) }},
            {{ json_text("(transaction_owner -> 'agent')", "id") }}
        ) as owner_source_id,
        {{ json_text("office", "id") }} as office_source_id,

        -- strings
        {{ present("code") }} as transaction_code,
        {{ present("transaction_type") }} as transaction_type,
        {{ present("property_type") }} as property_type,
        {{ present("representation") }} as representation,
        coalesce(
            {{ present("lifecycle_state") }}, {{ present("transaction_status") }}
        ) as lifecycle_state,
        {{ present("compliance_status") }} as compliance_status,
        {{ present("mls_number") }} as mls_number,
        {{ present("escrow_number") }} as escrow_number,
        {{ json_text("office", "name") }} as office_name,
        {{ json_text("lead_source", "name") }} as lead_source,
        {{ currency_code("currency") }} as currency,
        {{ currency_code("price_currency") }} as price_currency,
        {{ currency_code("gross_commission_currency") }} as gross_commission_currency,
        {{ currency_code("my_net_payout_currency") }} as my_net_payout_currency,
        {{ currency_code("sale_commission_amount_currency") }} as sale_commission_currency,
        {{ currency_code("listing_commission_amount_currency") }}
            as listing_commission_currency,

        -- json
        address,
        office,
        participants,
        other_participants,
        paid_participants,
        commission_splits,

        -- numerics
        price_amount,
        gross_commission_amount,
        my_net_payout_amount,
        sale_commission_amount_amount as sale_commission_amount,
        listing_commission_amount_amount as listing_commission_amount,
        sale_commission_percent,
        listing_commission_percent,
        year_built,

        -- booleans
        coalesce(listing, {{ is_listing }}) as is_listing,
        closed as is_closed_flag,
        terminated as is_terminated_flag,
        personal_deal as is_personal_deal,

        -- dates
        listing_date,
        listing_expiration_date,
        contract_acceptance_date as contract_date,
        firm_date,
        closing_date_estimated as estimated_closing_date,
        closing_date_actual as actual_closing_date,
        sky_slope_actual_closing_date as skyslope_closing_date,
        agent_reported_closing_date,
        closed_at,
        rezen_closed_at,
        created_at,
        updated_at,

        -- loading
        _synced_at as synced_at
    from source
)

select * from renamed
{% endmacro %}


{# The lists show the same deals in short. #}
{% macro rezen_deal_rows(entity, is_listing) %}
with

source as (
    {{ live_rows("rezen", entity) }}
),

renamed as (
    select
        -- ids
        connection_id,
        _key as row_key,
        {{ present("id") }} as deal_source_id,

        -- strings
        {{ present("code") }} as transaction_code,
        {{ present("transaction_type") }} as transaction_type,
        coalesce(
            {{ present("lifecycle_state") }}, {{ present("transaction_status") }}
        ) as lifecycle_state,
        upper(lifecycle_group) as viewer_lifecycle_group,
        {{ currency_code("price_currency") }} as price_currency,
        {{ currency_code("gross_commission_currency") }} as gross_commission_currency,
        {{ currency_code("my_net_payout_currency") }} as my_net_payout_currency,

        -- json
        address,
        participants,

        -- numerics
        price_amount,
        gross_commission_amount,
        my_net_payout_amount,

        -- booleans
        coalesce(listing, {{ is_listing }}) as is_listing,

        -- dates
        listing_date,
        contract_acceptance_date as contract_date,
        closing_date_estimated as estimated_closing_date,
        closing_date_actual as actual_closing_date,
        closed_at,
        created_at,
        updated_at,

        -- loading
        _synced_at as synced_at
    from source
)

select * from renamed
{% endmacro %}

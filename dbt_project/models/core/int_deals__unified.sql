with

transactions as (
    select
        'transactions' as source_entity,
        *
    from {{ ref("stg_rezen__transactions") }}
),

listings as (
    select
        'listings' as source_entity,
        *
    from {{ ref("stg_rezen__listings") }}
),

transaction_list_rows as (
    select
        'transaction_list' as source_entity,
        *
    from {{ ref("stg_rezen__transaction_list_rows") }}
),

listing_list_rows as (
    select
        'listing_list' as source_entity,
        *
    from {{ ref("stg_rezen__listing_list_rows") }}
),

tombstones as (
    select * from {{ ref("stg_rezen__tombstones") }}
    where entity in ('transaction_list', 'listing_list')
),

all_list_rows as (
    select * from transaction_list_rows
    union all
    select * from listing_list_rows
),

all_details as (
    select * from transactions
    union all
    select * from listings
),

listed as (
    select distinct
        connection_id,
        deal_source_id
    from all_list_rows
),

unlisted as (
    select
        connection_id,
        row_key,
        max(deleted_at) as deleted_at
    from tombstones
    group by connection_id, row_key
),

-- a deal that has left the viewer's lists is gone for that viewer, detail or not
live_details as (
    select all_details.*
    from all_details
    left join listed
        on
            all_details.connection_id = listed.connection_id
            and all_details.deal_source_id = listed.deal_source_id
    left join unlisted
        on
            all_details.connection_id = unlisted.connection_id
            and all_details.deal_source_id = unlisted.row_key
    where
        listed.deal_source_id is not null
        or unlisted.deleted_at is null
        or unlisted.deleted_at < all_details.synced_at
),

details as (
    select distinct on (deal_source_id) *
    from live_details
    order by
        deal_source_id, updated_at desc nulls last, synced_at desc, connection_id,
        source_entity
),

list_rows as (
    select distinct on (deal_source_id) *
    from all_list_rows
    order by
        deal_source_id, updated_at desc nulls last, synced_at desc, connection_id,
        source_entity
),

paired as (
    select
        coalesce(details.deal_source_id, list_rows.deal_source_id) as deal_source_id,
        coalesce(list_rows.updated_at > details.updated_at, false) as list_is_newer
    from details
    full outer join list_rows on details.deal_source_id = list_rows.deal_source_id
),

unified as (
    select
        -- ids
        paired.deal_source_id,
        details.team_source_id,
        details.journey_source_id,
        details.built_from_source_id,
        details.owner_source_id,
        details.office_source_id,
        coalesce(details.connection_id, list_rows.connection_id)
            as parties_connection_id,
        coalesce(details.source_entity, list_rows.source_entity) as parties_entity,

        -- strings
        details.property_type,
        details.representation,
        details.compliance_status,
        details.mls_number,
        details.escrow_number,
        details.office_name,
        details.lead_source,
        details.currency,
        details.sale_commission_currency,
        details.listing_commission_currency,
        list_rows.viewer_lifecycle_group as list_lifecycle_group,
        {{ newest("transaction_code") }} as transaction_code,
        {{ newest("transaction_type") }} as transaction_type,
        {{ newest("lifecycle_state") }} as lifecycle_state,
        {{ newest_currency("price") }} as price_currency,
        {{ newest_currency("gross_commission") }} as gross_commission_currency,

        -- json
        {{ newest("address") }} as address,

        -- numerics
        details.sale_commission_amount,
        details.listing_commission_amount,
        details.sale_commission_percent,
        details.listing_commission_percent,
        details.year_built,
        {{ newest("price_amount") }} as price_amount,
        {{ newest("gross_commission_amount") }} as gross_commission_amount,

        -- booleans
        details.is_closed_flag,
        details.is_terminated_flag,
        details.is_personal_deal,
        details.deal_source_id is not null as has_detail,
        {{ newest("is_listing") }} as is_listing,

        -- dates
        details.listing_expiration_date,
        details.firm_date,
        details.skyslope_closing_date,
        details.agent_reported_closing_date,
        details.rezen_closed_at,
        {{ newest("listing_date") }} as listing_date,
        {{ newest("contract_date") }} as contract_date,
        {{ newest("estimated_closing_date") }} as estimated_closing_date,
        {{ newest("actual_closing_date") }} as actual_closing_date,
        {{ newest("closed_at") }} as closed_at,
        {{ newest("created_at") }} as created_at,
        greatest(details.updated_at, list_rows.updated_at) as updated_at,
        greatest(details.synced_at, list_rows.synced_at) as synced_at
    from paired
    left join details on paired.deal_source_id = details.deal_source_id
    left join list_rows on paired.deal_source_id = list_rows.deal_source_id
)

select * from unified

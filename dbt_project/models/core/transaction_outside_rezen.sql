with

deals as (
    select * from {{ ref("deal") }}
    where deal_kind = 'transaction' and not is_in_rezen
),

types as (
    select * from {{ ref("transaction_type") }}
),

final as (
    select
        -- ids
        deals.transaction_id,
        deals.deal_source_id as transaction_source_id,
        null::text as transaction_code,
        deals.owner_agent_id,
        null::text as team_id,
        null::text as office_id,
        null::text as listing_id,
        null::text as journey_source_id,
        {{ address_hash(deal_address("deals")) }} as address_id,

        -- strings
        case when deals.owner_agent_id is null then 'unknown' else deals.root_vendor end
            as owner_provenance,
        deals.vendor_status as lifecycle_state,
        deals.vendor_status as stage,
        deals.lifecycle_group,
        deals.deal_status as transaction_status,
        deals.deal_status as status,
        deals.transaction_type as transaction_type_source,
        coalesce(
            types.conformed_type, initcap(replace(deals.transaction_type, '_', ' '))
        ) as transaction_type,
        deals.property_type,
        case deals.side
            when 'buy' then 'BUYER' when 'sell' then 'SELLER' when 'both' then 'DUAL'
        end as representation,
        null::text as compliance_status,
        deals.mls_number,
        deals.mls_number_provenance,
        deals.escrow_number,
        deals.escrow_number_provenance,
        deals.lead_source,
        deals.lead_source_provenance,

        -- booleans
        deals.lifecycle_group = 'CLOSED' as is_closed,
        deals.lifecycle_group = 'OPEN' as is_pending,
        deals.lifecycle_group = 'TERMINATED' as is_terminated,
        coalesce(types.is_lease, deals.transaction_type ~* 'lease', false) as is_lease,
        coalesce(types.is_referral, false) as is_referral,
        null::boolean as is_personal_deal,
        false as has_detail,

        -- dates
        case when deals.lifecycle_group = 'CLOSED' then deals.actual_closing_date end
            as closed_on,
        {{ known_month("case
            when deals.lifecycle_group = 'CLOSED' then deals.actual_closing_date
        end") }} as closed_month,
        null::timestamptz as rezen_closed_at,
        deals.contract_date,
        null::date as firm_date,
        deals.estimated_closing_date,
        coalesce(deals.actual_closing_date, deals.estimated_closing_date)
            as effective_close_date,
        case
            when deals.actual_closing_date is not null
                then deals.actual_closing_date_provenance || '_closing'
            when deals.estimated_closing_date is not null then 'estimate'
        end as effective_close_provenance,
        deals.created_at,
        deals.updated_at,
        deals.updated_at as synced_at
    from deals
    left join types on upper(deals.transaction_type) = types.transaction_type
)

select * from final

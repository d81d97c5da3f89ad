with

deals as (
    select * from {{ ref("int_deals__classified") }}
    where not is_listing
),

participants as (
    select * from {{ ref("participant") }}
),

types as (
    select * from {{ ref("transaction_type") }}
),

first_own_agents as (
    select distinct on (transaction_id)
        transaction_id,
        agent_id
    from participants
    where can_own and not is_listing
    order by transaction_id, created_at nulls last, participant_source_id
),

final as (
    select
        -- ids
        {{ our_id("rezen", "deals.deal_source_id") }} as transaction_id,
        deals.deal_source_id as transaction_source_id,
        deals.transaction_code,
        coalesce(
            {{ our_id("rezen", "deals.owner_source_id") }}, first_own_agents.agent_id
        ) as owner_agent_id,
        {{ our_id("rezen", "deals.team_source_id") }} as team_id,
        {{ our_id("rezen", "deals.office_source_id") }} as office_id,
        {{ our_id("rezen", "deals.built_from_source_id") }} as listing_id,
        deals.journey_source_id,
        case
            when jsonb_typeof(deals.address) = 'object'
                then {{ address_hash("deals.address") }}
        end as address_id,

        -- strings
        case
            when deals.owner_source_id is not null then 'vendor'
            when first_own_agents.agent_id is not null then 'first_own_agent'
            else 'unknown'
        end as owner_provenance,
        deals.lifecycle_state,
        deals.lifecycle_group,
        deals.conformed_status as transaction_status,
        deals.transaction_type as transaction_type_source,
        coalesce(
            types.conformed_type, initcap(replace(deals.transaction_type, '_', ' '))
        ) as transaction_type,
        deals.property_type,
        deals.representation,
        deals.compliance_status,
        deals.mls_number,
        deals.escrow_number,
        deals.lead_source,

        -- booleans
        deals.lifecycle_group = 'CLOSED' as is_closed,
        deals.lifecycle_group = 'OPEN' as is_pending,
        deals.lifecycle_group = 'TERMINATED' as is_terminated,
        coalesce(types.is_lease, false) as is_lease,
        coalesce(types.is_referral, false) as is_referral,
        deals.is_personal_deal,
        deals.has_detail,

        -- dates
        deals.closed_on,
        {{ known_month("deals.closed_on") }} as closed_month,
        deals.rezen_closed_instant as rezen_closed_at,
        deals.contract_date,
        deals.firm_date,
        deals.estimated_closing_date,
        deals.created_at,
        deals.updated_at,
        deals.synced_at
    from deals
    left join first_own_agents
        on
            {{ our_id("rezen", "deals.deal_source_id") }}
            = first_own_agents.transaction_id
    left join types on deals.transaction_type = types.transaction_type
)

select * from final

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

-- what the other vendors know of the same deals; it only fills gaps
known_elsewhere as (
    select * from {{ ref("deal") }}
    where deal_kind = 'transaction' and is_in_rezen
),

outside as (
    select * from {{ ref("transaction_outside_rezen") }}
    where {{ counts_deals_outside_rezen() }}
),

agents as (
    select * from {{ ref("agent") }}
),

team_overrides as (
    select * from {{ ref("effective_team_override") }}
),

first_own_agents as (
    select distinct on (transaction_id)
        transaction_id,
        agent_id
    from participants
    where can_own and not is_listing
    order by transaction_id, created_at nulls last, participant_source_id
),

in_rezen as (
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
        deals.lifecycle_state as stage,
        deals.lifecycle_group,
        deals.conformed_status as transaction_status,
        {{ shown_status("deals") }} as status,
        deals.transaction_type as transaction_type_source,
        coalesce(
            types.conformed_type, initcap(replace(deals.transaction_type, '_', ' '))
        ) as transaction_type,
        deals.property_type,
        deals.representation,
        deals.compliance_status,
        {% for field in ["mls_number", "escrow_number", "lead_source"] %}
        coalesce(
            deals.{{ field }}, {{ gap("known_elsewhere", field) }}
        ) as {{ field }},
        case
            when deals.{{ field }} is not null then 'rezen'
            when {{ gap("known_elsewhere", field) }} is not null
                then known_elsewhere.{{ field }}_provenance
        end as {{ field }}_provenance,
        {% endfor %}

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
        coalesce(
            deals.closed_on,
            {{ gap("known_elsewhere", "actual_closing_date") }},
            deals.firm_date,
            deals.estimated_closing_date
        ) as effective_close_date,
        case
            when deals.closed_on is not null then 'rezen_closing'
            when {{ gap("known_elsewhere", "actual_closing_date") }} is not null
                then known_elsewhere.actual_closing_date_provenance || '_closing'
            when deals.firm_date is not null then 'firm_date'
            when deals.estimated_closing_date is not null then 'estimate'
        end as effective_close_provenance,
        deals.created_at,
        deals.updated_at,
        deals.synced_at
    from deals
    left join known_elsewhere
        on {{ our_id("rezen", "deals.deal_source_id") }} = known_elsewhere.deal_id
    left join first_own_agents
        on
            {{ our_id("rezen", "deals.deal_source_id") }}
            = first_own_agents.transaction_id
    left join types on deals.transaction_type = types.transaction_type
),

combined as (
    select
        *,
        true as is_in_rezen
    from in_rezen
    union all
    select
        *,
        false as is_in_rezen
    from outside
),

final as (
    select
        combined.*,
        coalesce(
            {{ our_id("rezen", "team_overrides.team_source_id") }},
            combined.team_id,
            agents.team_id
        ) as effective_team_id,
        case
            when team_overrides.team_source_id is not null then 'people'
            when combined.team_id is not null then 'deal'
            when agents.team_id is not null then 'owner_' || agents.team_provenance
        end as effective_team_provenance
    from combined
    left join team_overrides
        on combined.transaction_id = team_overrides.transaction_id
    left join agents on combined.owner_agent_id = agents.agent_id
)

select * from final

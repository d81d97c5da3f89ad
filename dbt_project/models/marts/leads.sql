with

leads as (
    select * from {{ ref("lead") }}
),

people as (
    select * from {{ ref("fact_lead") }}
),

agents as (
    select * from {{ ref("agent") }}
),

final as (
    select
        -- ids
        leads.lead_id,
        leads.vendor,
        leads.crm_account_id,
        leads.lead_source_id,
        leads.assigned_agent_id,
        agents.agent_key as assigned_agent_key,
        leads.duplicate_of_lead_id,

        -- strings
        leads.lead_name,
        {{ or_unknown("leads.stage_name") }} as stage_name,
        {{ or_unknown("leads.source_name") }} as source_name,
        coalesce(agents.full_name, leads.assigned_user_name) as assigned_to_name,

        -- numerics
        {{ reporting_today() }} - {{ reporting_date("leads.last_activity_at") }}
            as days_since_activity,

        -- booleans
        leads.is_trashed,
        leads.is_duplicate,
        coalesce(
            {{ reporting_date("leads.last_activity_at") }}
            > {{ reporting_today() }} - {{ var("active_lead_days") }},
            false
        ) as is_active,
        people.contacted_people = 1 as is_contacted,
        people.people_with_deal = 1 as has_deal,
        people.people_with_closed_deal = 1 as has_closed_deal,

        -- dates
        leads.created_at,
        leads.created_on as created_date,
        leads.created_month,
        leads.last_activity_at
    from leads
    left join people
        on
            leads.vendor = 'fub'
            and leads.crm_account_id = people.crm_account_id
            and leads.lead_source_id = people.person_source_id
    left join agents on leads.assigned_agent_id = agents.agent_id
    where {{ not_demo("leads.assigned_agent_id") }}
)

select * from final

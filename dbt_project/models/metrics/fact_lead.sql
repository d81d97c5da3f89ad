with

people as (
    select * from {{ ref("fub_person") }}
),

deals as (
    select
        fub_account_id,
        primary_person_source_id as person_source_id,
        bool_or(is_closed_stage) as has_closed_deal
    from {{ ref("fub_deal") }}
    where primary_person_source_id is not null and not is_deleted
    group by fub_account_id, primary_person_source_id
),

agents as (
    select * from {{ ref("agent") }}
),

final as (
    select
        -- ids
        people.fub_account_id as crm_account_id,
        people.person_source_id,
        {{ or_unknown("people.assigned_agent_id") }} as agent_id,
        {{ or_unknown("agents.team_id") }} as team_id,
        {{ or_unknown("people.assigned_user_source_id") }} as user_source_id,

        -- strings
        {{ or_unknown("people.stage_name") }} as stage_name,
        {{ or_unknown("people.lead_source") }} as lead_source,

        -- numerics
        1 as people,
        people.is_trashed::int as trashed_people,
        coalesce(people.is_contacted, false)::int as contacted_people,
        coalesce(
            {{ reporting_date("people.last_activity_at") }}
            > {{ reporting_today() }} - {{ var("active_lead_days") }},
            false
        )::int as active_people,
        (deals.person_source_id is not null)::int as people_with_deal,
        coalesce(deals.has_closed_deal, false)::int as people_with_closed_deal,

        -- dates
        {{ known_date(reporting_date("people.created_at")) }} as period_date,
        {{ known_month(reporting_date("people.created_at")) }} as period_month
    from people
    left join deals
        on
            people.fub_account_id = deals.fub_account_id
            and people.person_source_id = deals.person_source_id
    left join agents on people.assigned_agent_id = agents.agent_id
    where {{ not_demo("people.assigned_agent_id") }}
)

select * from final

with

people as (
    select * from {{ ref("fub_person") }}
),

person_emails as (
    select * from {{ ref("fub_person_email") }}
    where is_primary
),

leads as (
    select * from {{ ref("lofty_lead") }}
),

-- Lofty marks none as the main one: the first
lead_emails as (
    select distinct on (lofty_account_id, lead_source_id) *
    from {{ ref("lofty_lead_email") }}
    order by lofty_account_id, lead_source_id, email_position
),

unified as (
    select
        'fub' as vendor,
        people.fub_account_id as crm_account_id,
        people.person_source_id as lead_source_id,
        people.assigned_user_source_id,
        people.assigned_agent_id,
        to_jsonb(people.seen_by) as seen_by,
        people.person_name as lead_name,
        lower(btrim(person_emails.email)) as primary_email,
        people.stage_name,
        people.lead_source as source_name,
        people.assigned_user_name,
        people.is_trashed,
        people.created_at,
        people.last_activity_at
    from people
    left join person_emails
        on
            people.fub_account_id = person_emails.fub_account_id
            and people.person_source_id = person_emails.person_source_id

    union all

    -- what is in Lofty's trash is not shown at all
    select
        'lofty' as vendor,
        leads.lofty_account_id as crm_account_id,
        leads.lead_source_id,
        leads.assigned_user_source_id,
        leads.assigned_agent_id,
        to_jsonb(leads.seen_by) as seen_by,
        leads.lead_name,
        lead_emails.email as primary_email,
        leads.stage_name,
        leads.source_name,
        leads.assigned_user_name,
        false as is_trashed,
        leads.created_at,
        leads.last_activity_at
    from leads
    left join lead_emails
        on
            leads.lofty_account_id = lead_emails.lofty_account_id
            and leads.lead_source_id = lead_emails.lead_source_id
)

select * from unified

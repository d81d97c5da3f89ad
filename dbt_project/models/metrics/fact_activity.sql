{{ config(materialized="view") }}

with

calls as (
    select * from {{ ref("fub_call") }}
),

texts as (
    select * from {{ ref("fub_text_message") }}
),

appointments as (
    select * from {{ ref("fub_appointment") }}
),

events as (
    select * from {{ ref("fub_event") }}
),

people as (
    select * from {{ ref("fub_person") }}
),

agents as (
    select * from {{ ref("agent") }}
),

activities as (
    select
        fub_account_id,
        'call' as activity_kind,
        call_source_id as activity_source_id,
        agent_id,
        user_source_id,
        direction,
        outcome,
        null::text as activity_type,
        null::text as lead_source,
        duration_seconds,
        called_on as occurred_on
    from calls

    union all

    select
        fub_account_id,
        'text' as activity_kind,
        text_message_source_id as activity_source_id,
        agent_id,
        user_source_id,
        direction,
        null::text as outcome,
        null::text as activity_type,
        null::text as lead_source,
        0 as duration_seconds,
        sent_on as occurred_on
    from texts

    union all

    -- of whoever made the appointment
    select
        fub_account_id,
        'appointment' as activity_kind,
        appointment_source_id as activity_source_id,
        created_by_agent_id as agent_id,
        created_by_user_source_id as user_source_id,
        null::text as direction,
        outcome_name as outcome,
        type_name as activity_type,
        null::text as lead_source,
        0 as duration_seconds,
        {{ reporting_date("starts_at") }} as occurred_on
    from appointments

    union all

    -- an event is the contact's: it belongs to whom the contact is assigned to
    select
        events.fub_account_id,
        'event' as activity_kind,
        events.event_source_id as activity_source_id,
        people.assigned_agent_id as agent_id,
        people.assigned_user_source_id as user_source_id,
        null::text as direction,
        null::text as outcome,
        events.event_type as activity_type,
        events.lead_source,
        0 as duration_seconds,
        events.occurred_on
    from events
    left join people
        on
            events.fub_account_id = people.fub_account_id
            and events.person_source_id = people.person_source_id
),

dated as (
    select
        *,
        activity_kind = 'call' as is_call,
        activity_kind = 'text' as is_text,
        direction = 'incoming' as is_incoming,
        direction = 'outgoing' as is_outgoing,
        {{ known_date("occurred_on") }} as period_date
    from activities
),

final as (
    select
        -- ids
        dated.fub_account_id as crm_account_id,
        dated.activity_kind,
        dated.activity_source_id,
        {{ or_unknown("dated.agent_id") }} as agent_id,
        {{ or_unknown("agents.team_id") }} as team_id,
        {{ or_unknown("dated.user_source_id") }} as user_source_id,

        -- strings
        {{ or_unknown("dated.direction") }} as direction,
        {{ or_unknown("dated.outcome") }} as outcome,
        {{ or_unknown("dated.activity_type") }} as activity_type,
        {{ or_unknown("dated.lead_source") }} as lead_source,

        -- numerics
        dated.is_call::int as calls,
        coalesce(dated.is_call and dated.is_incoming, false)::int as incoming_calls,
        coalesce(dated.is_call and dated.is_outgoing, false)::int as outgoing_calls,
        (dated.is_call and dated.duration_seconds > 0)::int as connected_calls,
        dated.duration_seconds as call_seconds,
        dated.is_text::int as texts,
        coalesce(dated.is_text and dated.is_incoming, false)::int as incoming_texts,
        coalesce(dated.is_text and dated.is_outgoing, false)::int as outgoing_texts,
        (dated.activity_kind = 'appointment')::int as appointments,
        (dated.activity_kind = 'event')::int as events,

        -- dates
        dated.period_date,
        date_trunc('month', dated.period_date)::date as period_month
    from dated
    left join agents on dated.agent_id = agents.agent_id
    where {{ not_demo("dated.agent_id") }}
)

select * from final

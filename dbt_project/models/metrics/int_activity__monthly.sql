with

activities as (
    select * from {{ ref("fact_activity") }}
),

-- millions of activities are added up once; every table of them is made of these
final as (
    select
        crm_account_id,
        activity_kind,
        agent_id,
        team_id,
        user_source_id,
        direction,
        outcome,
        activity_type,
        lead_source,
        period_month,
        sum(calls) as calls,
        sum(incoming_calls) as incoming_calls,
        sum(outgoing_calls) as outgoing_calls,
        sum(connected_calls) as connected_calls,
        sum(call_seconds) as call_seconds,
        sum(texts) as texts,
        sum(incoming_texts) as incoming_texts,
        sum(outgoing_texts) as outgoing_texts,
        sum(appointments) as appointments,
        sum(events) as events
    from activities
    group by
        crm_account_id, activity_kind, agent_id, team_id, user_source_id, direction,
        outcome, activity_type, lead_source, period_month
)

select * from final

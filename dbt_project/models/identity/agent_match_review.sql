with

scored as (
    select * from {{ ref("int_agents__scored") }}
    where outcome <> 'accepted'
),

people as (
    select * from {{ ref("int_people__sighted") }}
),

agents as (
    select * from {{ ref("agent") }}
),

final as (
    select
        -- ids
        scored.vendor,
        scored.account_source_id,
        scored.person_source_id,
        scored.agent_id,

        -- strings
        people.person_name,
        people.email as person_email,
        agents.full_name as agent_name,
        agents.email as agent_email,
        scored.match_rule,
        scored.outcome as reason,

        -- numerics
        scored.score,
        scored.rivals
    from scored
    inner join people
        on
            scored.vendor = people.vendor
            and scored.account_source_id = people.account_source_id
            and scored.person_source_id = people.person_source_id
    inner join agents on scored.agent_id = agents.agent_id
)

select * from final

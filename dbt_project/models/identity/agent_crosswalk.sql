with

people as (
    select * from {{ ref("int_people__sighted") }}
),

accepted as (
    select * from {{ ref("int_agents__scored") }}
    where outcome = 'accepted'
),

doubtful as (
    select distinct
        vendor,
        account_source_id,
        person_source_id
    from {{ ref("int_agents__scored") }}
    where outcome <> 'accepted'
),

users as (
    select distinct on (agent_id)
        agent_id,
        agent_key
    from {{ ref("app_user") }}
    where agent_id is not null
    order by agent_id, agent_key
),

final as (
    select
        -- ids
        people.vendor,
        people.account_source_id,
        people.person_source_id,
        accepted.agent_id,
        users.agent_key,

        -- strings
        people.person_kind,
        people.person_name,
        people.email,
        case
            when accepted.agent_id is not null then 'matched'
            when doubtful.person_source_id is not null then 'review'
            else 'unmatched'
        end as match_state,
        accepted.match_rule,
        case when accepted.match_rule = 'decision' then 'people' else 'rule' end
            as decided_by,

        -- numerics
        accepted.score
    from people
    left join accepted
        on
            people.vendor = accepted.vendor
            and people.account_source_id = accepted.account_source_id
            and people.person_source_id = accepted.person_source_id
    left join doubtful
        on
            people.vendor = doubtful.vendor
            and people.account_source_id = doubtful.account_source_id
            and people.person_source_id = doubtful.person_source_id
    left join users on accepted.agent_id = users.agent_id
)

select * from final

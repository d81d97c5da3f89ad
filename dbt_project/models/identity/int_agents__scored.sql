with

people as (
    select
        *,
        {{ name_key("person_name") }} as name_key
    from {{ ref("int_people__sighted") }}
),

agents as (
    select
        *,
        {{ name_key("full_name") }} as name_key
    from {{ ref("agent") }}
),

users as (
    select
        agent_key,
        agent_id
    from {{ ref("app_user") }}
    where agent_id is not null
),

decisions as (
    select * from {{ ref("agent_match_decision") }}
),

members as (
    select
        agent_id,
        team_id
    from {{ ref("team_member") }}
),

-- whom an account can be about: its agent, and who is on a team with that agent
account_agents as (
    select
        agent_key as seen_by,
        agent_id
    from users

    union

    select
        users.agent_key as seen_by,
        mates.agent_id
    from users
    inner join members on users.agent_id = members.agent_id
    inner join members as mates on members.team_id = mates.team_id
),

by_id as (
    select
        people.vendor,
        people.account_source_id,
        people.person_source_id,
        coalesce(people.known_agent_id, users.agent_id) as agent_id,
        'id' as match_rule,
        1.00 as score
    from people
    left join users on people.known_agent_key = users.agent_key
    where coalesce(people.known_agent_id, users.agent_id) is not null
),

by_email as (
    select
        people.vendor,
        people.account_source_id,
        people.person_source_id,
        agents.agent_id,
        'email' as match_rule,
        0.95 as score
    from people
    inner join agents on people.email = agents.email
),

-- a name counts only among the agents of the account; where both have an address and
-- the two differ, people have to look
by_name as (
    select distinct
        people.vendor,
        people.account_source_id,
        people.person_source_id,
        agents.agent_id,
        case when people.name_key = agents.name_key then 'name' else 'initial' end
            as match_rule,
        case
            when people.name_key <> agents.name_key then 0.65
            when people.email is null or agents.email is null then 0.80
            else 0.70
        end as score
    from people
    cross join lateral unnest(string_to_array(people.seen_by, ',')) as seen (seen_by)
    inner join account_agents on seen.seen_by = account_agents.seen_by
    inner join agents
        on
            account_agents.agent_id = agents.agent_id
            and (
                people.name_key = agents.name_key
                or (
                    left(people.name_key, 1) = left(agents.name_key, 1)
                    and split_part(people.name_key, ' ', -1)
                    = split_part(agents.name_key, ' ', -1)
                    and people.name_key like '% %'
                    and length(split_part(people.name_key, ' ', 1)) = 1
                )
            )
),

by_decision as (
    select
        vendor,
        account_source_id,
        person_source_id,
        {{ our_id("rezen", "agent_source_id") }} as agent_id,
        'decision' as match_rule,
        1.00 as score
    from decisions
    where decision = 'same'
),

combined as (
    select * from by_decision
    union all
    select * from by_id
    union all
    select * from by_email
    union all
    select * from by_name
),

refused as (
    select
        *,
        {{ our_id("rezen", "agent_source_id") }} as agent_id
    from decisions
    where decision = 'different'
),

possible as (
    select combined.*
    from combined
    left join refused
        on
            combined.vendor = refused.vendor
            and combined.account_source_id = refused.account_source_id
            and combined.person_source_id = refused.person_source_id
            and combined.agent_id = refused.agent_id
    where refused.agent_id is null
),

-- the best rule that finds an agent
best_per_agent as (
    select distinct on (vendor, account_source_id, person_source_id, agent_id)
        *,
        case match_rule
            when 'decision' then 1 when 'id' then 2 when 'email' then 3 else 4
        end as rule_rank
    from possible
    order by
        vendor, account_source_id, person_source_id, agent_id, rule_rank, score desc
),

ranked as (
    select
        *,
        min(rule_rank) over person as best_rule_rank,
        count(*) over (
            partition by vendor, account_source_id, person_source_id, rule_rank
        ) as rivals
    from best_per_agent
    window person as (partition by vendor, account_source_id, person_source_id)
),

final as (
    select
        vendor,
        account_source_id,
        person_source_id,
        agent_id,
        match_rule,
        score,
        rivals,
        case
            when rivals > 1 then 'several_agents'
            when score < 0.80 then 'low_score'
            else 'accepted'
        end as outcome
    from ranked
    where rule_rank = best_rule_rank
)

select * from final

-- what people decide stands above what a sync brings: the team of a deal, a referral
-- code, and which record is which deal
select
    'effective team' as entered,
    overrides.transaction_id as subject
from {{ ref("effective_team_override") }} as overrides
inner join {{ ref("transaction") }} as transactions
    on overrides.transaction_id = transactions.transaction_id
where
    transactions.effective_team_id
    is distinct from {{ our_id("rezen", "overrides.team_source_id") }}

union all

select
    'referral code' as entered,
    users.agent_key as subject
from {{ ref("stg_control__agents") }} as users
left join {{ ref("agent_referral_code") }} as codes
    on users.agent_key = codes.agent_key
where
    users.rezen_agent_source_id is not null
    and users.referral_code is distinct from codes.referral_code

union all

select
    'deal match' as entered,
    decisions.vendor || ':' || decisions.source_id as subject
from {{ ref("deal_match_decision") }} as decisions
inner join {{ ref("deal_sighting") }} as sightings
    on
        decisions.vendor = sightings.vendor
        and decisions.source_id = sightings.source_id
where decisions.decision = 'same' and sightings.decided_by <> 'people'

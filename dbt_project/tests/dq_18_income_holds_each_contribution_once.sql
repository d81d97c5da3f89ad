-- one contribution, one income row; what was missed is none
with

incomes as (
    select
        agent_id,
        contribution_source_id,
        sum(amount) as amount,
        count(*) as row_count
    from {{ ref("income") }}
    where income_type = 'RevShare'
    group by agent_id, contribution_source_id
)

select
    coalesce(contributions.receiving_agent_id, incomes.agent_id) as agent_id,
    coalesce(contributions.contribution_source_id, incomes.contribution_source_id)
        as contribution_source_id,
    contributions.payout_amount,
    incomes.amount
from {{ ref("contribution") }} as contributions
full outer join incomes
    on
        contributions.receiving_agent_id = incomes.agent_id
        and contributions.contribution_source_id = incomes.contribution_source_id
where
    coalesce(contributions.is_missed, false) <> (incomes.agent_id is null)
    or (
        not contributions.is_missed
        and (
            incomes.row_count <> 1
            or incomes.amount is distinct from contributions.payout_amount
        )
    )
    or contributions.receiving_agent_id is null

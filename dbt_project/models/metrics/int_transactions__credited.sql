with

transactions as (
    select * from {{ ref("transaction") }}
),

splits as (
    select * from {{ ref("commission_split") }}
    where agent_id is not null and split_percent > 0
),

participants as (
    select * from {{ ref("participant") }}
    where can_own and transaction_id is not null
),

agents as (
    select * from {{ ref("agent") }}
),

-- co-listed agents; a referral fee and a leader's share are no production
shares as (
    select
        splits.transaction_id,
        splits.agent_id,
        sum(splits.split_percent) as weight
    from splits
    inner join participants
        on
            splits.transaction_id = participants.transaction_id
            and splits.participant_source_id = participants.participant_source_id
    group by splits.transaction_id, splits.agent_id
),

credited as (
    select
        transactions.transaction_id,
        transactions.owner_agent_id,
        transactions.team_id,
        coalesce(shares.agent_id, transactions.owner_agent_id) as agent_id,
        coalesce(shares.weight, 1) as weight
    from transactions
    left join shares
        on
            transactions.transaction_id = shares.transaction_id
            and '{{ credit_rule() }}' = 'split'
),

numbered as (
    select
        *,
        row_number() over (
            partition by transaction_id
            order by
                coalesce(agent_id = owner_agent_id, false) desc, weight desc, agent_id
        ) as credit_number,
        round(weight / sum(weight) over (partition by transaction_id), 6)
            as rounded_share
    from credited
),

final as (
    select
        numbered.transaction_id,
        {{ or_unknown("numbered.agent_id") }} as agent_id,
        -- the owner's team at the time of the deal, else the team of today
        {{ or_unknown("coalesce(
            case
                when numbered.agent_id = numbered.owner_agent_id then numbered.team_id
            end,
            agents.team_id
        )") }} as team_id,
        numbered.credit_number,
        trim_scale(
            numbered.rounded_share + case
                when numbered.credit_number = 1
                    then
                        1 - sum(numbered.rounded_share) over (
                            partition by numbered.transaction_id
                        )
                else 0
            end
        ) as credit_share
    from numbered
    left join agents on numbered.agent_id = agents.agent_id
)

select * from final

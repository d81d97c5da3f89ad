with

expectations as (
    select * from {{ ref("int_contributions__expected") }}
    where expected_amount > 0
),

contributions as (
    select
        receiving_agent_id,
        contributing_agent_id,
        transaction_id,
        tier,
        currency,
        sum(payout_amount) as payout_amount
    from {{ ref("contribution") }}
    where not is_missed
    group by
        receiving_agent_id, contributing_agent_id, transaction_id, tier, currency
),

compared as (
    select
        expectations.earned_month,
        expectations.currency,
        expectations.expected_amount,
        contributions.payout_amount,
        contributions.payout_amount / expectations.expected_amount as ratio
    from expectations
    inner join contributions
        on
            expectations.receiving_agent_id = contributions.receiving_agent_id
            and expectations.contributing_agent_id
            = contributions.contributing_agent_id
            and expectations.transaction_id = contributions.transaction_id
            and expectations.tier = contributions.tier
            and expectations.currency = contributions.currency
    where expectations.base_amount > 0
),

-- the ratio in the middle of the money: rounding blurs small rows, errors are outside
ranked as (
    select
        *,
        sum(expected_amount) over (
            partition by earned_month, currency
            order by ratio
        ) as money_up_to,
        sum(expected_amount) over (partition by earned_month, currency) as all_money
    from compared
),

medians as (
    select
        earned_month,
        currency,
        count(*) as contribution_count,
        min(ratio) filter (where money_up_to * 2 >= all_money) as median_ratio
    from ranked
    group by earned_month, currency
),

-- the pool cuts every payout of a month in one proportion: what stands alone is no pool
agreeing as (
    select
        medians.earned_month,
        medians.currency,
        medians.contribution_count,
        -- of a few cents nobody can tell whether they were cut
        count(*) filter (
            where
            compared.expected_amount - compared.payout_amount
            > 2 * {{ var("revshare_rounding_amount") }}
        ) as cut_count,
        count(*) as agreeing_count,
        sum(compared.expected_amount) as expected_amount,
        sum(compared.payout_amount) as payout_amount,
        sum(compared.payout_amount) / sum(compared.expected_amount) as factor
    from medians
    inner join compared
        on
            medians.earned_month = compared.earned_month
            and medians.currency = compared.currency
            and abs(
                compared.payout_amount
                - compared.expected_amount * medians.median_ratio
            ) <= {{ var("revshare_rounding_amount") }}
            + compared.expected_amount * 0.00002
    group by medians.earned_month, medians.currency, medians.contribution_count
),

-- a factor that somebody set has few decimals
rounded as (
    select
        *,
        case
            when
                abs(payout_amount - expected_amount * round(factor, 4))
                <= agreeing_count * {{ var("revshare_rounding_amount") }} / 2
                then round(factor, 4)
            else round(factor, 8)
        end as rounded_factor
    from agreeing
),

final as (
    select
        -- ids
        earned_month,
        currency,

        -- numerics
        contribution_count,
        agreeing_count,
        cut_count,
        expected_amount,
        payout_amount,
        case
            when
                cut_count >= {{ var("revshare_pool_min_contributions") }}
                and agreeing_count * 2 > contribution_count
                and factor < 1
                and expected_amount - payout_amount
                > agreeing_count * {{ var("revshare_rounding_amount") }}
                then rounded_factor
            else 1
        end as pool_factor
    from rounded
)

select
    *,
    pool_factor < 1 as is_limited
from final

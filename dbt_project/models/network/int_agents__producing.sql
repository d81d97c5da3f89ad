with

transactions as (
    select * from {{ ref("transaction") }}
    where is_closed
),

splits as (
    select * from {{ ref("commission_split") }}
    where agent_id is not null
),

dated as (
    select
        transaction_id,
        owner_agent_id,
        coalesce({{ reporting_date("rezen_closed_at") }}, closed_on) as closed_date
    from transactions
),

-- a missed contribution is a closing all the same
contributions as (
    select
        contributor_source_id,
        earned_date
    from {{ ref("stg_rezen__revshare_payment_contributions") }}

    union all

    select
        contributor_source_id,
        earned_date
    from {{ ref("stg_rezen__revshare_pending_contributions") }}

    union all

    select
        contributor_source_id,
        earned_date
    from {{ ref("stg_rezen__revshare_window_contributions") }}
),

closings as (
    select
        owner_agent_id as agent_id,
        closed_date
    from dated
    where owner_agent_id is not null

    union all

    select
        splits.agent_id,
        dated.closed_date
    from splits
    inner join dated on splits.transaction_id = dated.transaction_id

    union all

    select
        {{ our_id("rezen", "contributor_source_id") }} as agent_id,
        earned_date as closed_date
    from contributions
    where contributor_source_id is not null
),

-- a closing counts from the day after
latest as (
    select
        agent_id,
        max(closed_date) as last_closed_date,
        max(closed_date) filter (where closed_date < {{ reporting_today() }})
            as counted_date
    from closings
    where
        closed_date between '{{ var("earliest_date") }}'::date
        and {{ reporting_today() }}
    group by agent_id
),

final as (
    select
        agent_id,
        last_closed_date,
        (counted_date + 1)::date as producing_from_date,
        (counted_date + interval '{{ var("producing_months") }} months')::date
            as producing_until_date,
        coalesce(
            (counted_date + interval '{{ var("producing_months") }} months')::date
            >= {{ reporting_today() }},
            false
        ) as is_producing
    from latest
)

select * from final

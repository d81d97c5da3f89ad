with

users as (
    select * from {{ ref("app_user") }}
    where agent_id is not null and {{ demo_filter("is_demo") }}
),

contributions as (
    select * from {{ ref("fact_contribution") }}
),

final as (
    select
        users.agent_key,
        contributions.period_month as earned_month,
        contributions.tier,
        contributions.currency,
        users.agent_id,
        {%- for name in ["earned", "paid", "pending", "missed"] %}
        sum(contributions.{{ name }}_amount)::numeric(20, 4) as {{ name }}_amount,
        {%- endfor %}
        sum(contributions.contributions) as contribution_count,
        count(distinct contributions.earning_contributor_id) as contributor_count
    from users
    inner join contributions on users.agent_id = contributions.agent_id
    group by
        users.agent_key, contributions.period_month, contributions.tier,
        contributions.currency, users.agent_id
)

select * from final

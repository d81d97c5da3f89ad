with

latest as (
    {{ one_per_lofty_account("stg_lofty__ponds", "staged.pond_source_id") }}
),

agents as (
    select
        connection_id,
        pond_source_id,
        count(distinct agent_user_source_id) as agent_count
    from {{ ref("stg_lofty__pond_agents") }}
    group by connection_id, pond_source_id
),

final as (
    select
        latest.lofty_account_id,
        latest.pond_source_id,
        latest.owner_user_source_id,
        latest.pond_name,
        coalesce(agents.agent_count, 0) as agent_count
    from latest
    left join agents
        on
            latest.connection_id = agents.connection_id
            and latest.pond_source_id = agents.pond_source_id
)

select * from final

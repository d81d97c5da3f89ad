with

owners as (
    select
        agent_id as owner_agent_id,
        max(account_currency) as account_currency
    from {{ ref("connection") }}
    where agent_id is not null
    group by agent_id
),

tiers as (
    {{ current_revshare_tiers() }}
),

-- where the seed has no row in the owner's currency, the one in US dollars tells what
-- is needed
owner_tiers as (
    select distinct on (owners.owner_agent_id, tiers.tier)
        owners.owner_agent_id,
        tiers.tier,
        tiers.frontline_needed,
        tiers.unlock_evidence
    from owners
    inner join tiers on tiers.currency in (owners.account_currency, 'USD')
    order by
        owners.owner_agent_id, tiers.tier,
        (tiers.currency = owners.account_currency) desc
),

front_line as (
    select
        owner_agent_id,
        count(*) filter (where is_qualified) as qualified_agents,
        count(*) filter (where is_active) as active_frontline_agents
    from {{ ref("frontline") }}
    group by owner_agent_id
),

producing as (
    select * from {{ ref("int_agents__producing") }}
),

-- the vendor's flag comes with the totals of a month; the latest month is the current
-- state
vendor_flags as (
    select distinct on (connections.agent_id, flags.tier)
        connections.agent_id as owner_agent_id,
        flags.tier,
        flags.is_unlocked
    from {{ ref("stg_rezen__revshare_tiers") }} as flags
    inner join {{ ref("connection") }} as connections
        on flags.connection_id = connections.connection_id
    where connections.agent_id is not null
    order by
        connections.agent_id, flags.tier, flags.window_start_date desc,
        flags.synced_at desc
),

final as (
    select
        -- ids
        owner_tiers.owner_agent_id,
        owner_tiers.tier,

        -- strings
        owner_tiers.unlock_evidence,

        -- numerics
        owner_tiers.frontline_needed,
        coalesce(front_line.qualified_agents, 0) as qualified_agents,
        coalesce(front_line.active_frontline_agents, 0) as active_frontline_agents,
        greatest(
            owner_tiers.frontline_needed - coalesce(front_line.qualified_agents, 0), 0
        ) as missing_agents,

        -- booleans
        coalesce(front_line.qualified_agents, 0) >= owner_tiers.frontline_needed
            as is_unlocked,
        vendor_flags.is_unlocked as is_unlocked_source,
        coalesce(producing.is_producing, false) as is_owner_producing,

        -- dates
        producing.producing_until_date as owner_producing_until_date
    from owner_tiers
    left join front_line on owner_tiers.owner_agent_id = front_line.owner_agent_id
    left join producing on owner_tiers.owner_agent_id = producing.agent_id
    left join vendor_flags
        on
            owner_tiers.owner_agent_id = vendor_flags.owner_agent_id
            and owner_tiers.tier = vendor_flags.tier
)

select * from final

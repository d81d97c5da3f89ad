with

owners as (
    select distinct agent_id as owner_agent_id
    from {{ ref("connection") }}
    where agent_id is not null
),

tiers as (
    select tier::smallint as tier
    from generate_series(1, 5) as tier
),

vendor_counts as (
    select distinct on (connections.agent_id, sizes.tier)
        connections.agent_id as owner_agent_id,
        sizes.tier,
        sizes.vendor_count,
        sizes.read_at
    from {{ ref("stg_rezen__network_sizes") }} as sizes
    inner join {{ ref("connection") }} as connections
        on sizes.connection_id = connections.connection_id
    order by connections.agent_id, sizes.tier, sizes.read_at desc
),

members as (
    select
        owner_agent_id,
        tier,
        count(*) as all_members,
        count(*) filter (where is_active) as active_members
    from {{ ref("network_member") }}
    group by owner_agent_id, tier
),

final as (
    select
        owners.owner_agent_id,
        tiers.tier,
        vendor_counts.vendor_count,
        coalesce(members.active_members, 0) as active_members,
        coalesce(members.all_members, 0) as all_members,
        vendor_counts.vendor_count - coalesce(members.active_members, 0) as difference,
        vendor_counts.read_at
    from owners
    cross join tiers
    left join vendor_counts
        on
            owners.owner_agent_id = vendor_counts.owner_agent_id
            and tiers.tier = vendor_counts.tier
    left join members
        on
            owners.owner_agent_id = members.owner_agent_id
            and tiers.tier = members.tier
)

select * from final

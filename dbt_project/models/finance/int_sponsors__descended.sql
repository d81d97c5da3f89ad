with recursive

receivers as (
    select distinct agent_id
    from {{ ref("connection") }}
    where agent_id is not null
),

edges as (
    select * from {{ ref("sponsor_edge") }}
),

-- what any place says about a member's sponsors holds for all of the member's edges
members as (
    select
        member_agent_id,
        coalesce(
            bool_or(sponsor_split_percent < 100 or sponsorship_type = 'CO_SPONSOR'),
            bool_or(is_co_sponsored)
        ) as is_co_sponsored
    from edges
    group by member_agent_id
),

shared_edges as (
    select
        edges.member_agent_id,
        edges.sponsor_agent_id,
        members.is_co_sponsored
    from edges
    inner join members on edges.member_agent_id = members.member_agent_id
),

-- every path counts: below a co-sponsored agent, two of them can lead to one receiver
descended as (
    select
        shared_edges.sponsor_agent_id as receiving_agent_id,
        shared_edges.member_agent_id as contributing_agent_id,
        1 as tier,
        shared_edges.is_co_sponsored,
        array[shared_edges.sponsor_agent_id, shared_edges.member_agent_id] as path
    from shared_edges
    inner join receivers on shared_edges.sponsor_agent_id = receivers.agent_id

    union all

    select
        descended.receiving_agent_id,
        shared_edges.member_agent_id as contributing_agent_id,
        descended.tier + 1 as tier,
        descended.is_co_sponsored or shared_edges.is_co_sponsored as is_co_sponsored,
        descended.path || shared_edges.member_agent_id as path
    from descended
    inner join shared_edges
        on descended.contributing_agent_id = shared_edges.sponsor_agent_id
    where
        descended.tier < 5
        and shared_edges.member_agent_id <> all(descended.path)
),

final as (
    select
        receiving_agent_id,
        contributing_agent_id,
        tier::smallint as tier,
        bool_or(is_co_sponsored) as is_co_sponsored,
        count(*) as path_count
    from descended
    group by receiving_agent_id, contributing_agent_id, tier
)

select * from final

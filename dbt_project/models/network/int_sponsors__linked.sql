with

edges as (
    select * from {{ ref("sponsor_edge") }}
),

members as (
    select * from {{ ref("int_members__sighted") }}
),

tiers as (
    select min(co_sponsor_percent) as co_sponsor_percent
    from ({{ current_revshare_tiers() }}) as current_tiers
),

sponsored as (
    select
        edges.sponsor_agent_id as upper_agent_id,
        edges.member_agent_id as lower_agent_id,
        1 as levels,
        case
            when not edges.is_co_sponsored then 100
            when edges.sponsor_split_percent between 0.01 and 99.99
                then edges.sponsor_split_percent
            else tiers.co_sponsor_percent
        end as share_percent,
        edges.is_primary
    from edges
    cross join tiers
),

known as (
    select
        member_agent_id,
        count(*) as sponsors,
        bool_or(is_co_sponsored) as is_co_sponsored
    from edges
    group by member_agent_id
),

-- the vendor does not always say who sponsored somebody, but always in which tier he
-- is: then the owner of the tier is so many levels above, and nobody in between is
-- known
unsponsored as (
    select
        members.owner_agent_id as upper_agent_id,
        members.member_agent_id as lower_agent_id,
        members.tier::int as levels,
        null::numeric as share_percent,
        known.member_agent_id is null
        and row_number() over (
            partition by members.member_agent_id
            order by members.tier, members.owner_agent_id
        ) = 1 as is_primary
    from members
    left join known on members.member_agent_id = known.member_agent_id
    where
        members.tier > 1
        and members.owner_agent_id <> members.member_agent_id
        and (
            known.member_agent_id is null
            or (known.is_co_sponsored and known.sponsors = 1)
        )
),

final as (
    select * from sponsored
    union all
    select * from unsponsored
)

select * from final

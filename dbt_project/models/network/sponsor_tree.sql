with recursive

links as (
    select * from {{ ref("int_sponsors__linked") }}
),

-- every way up through the tiers that pay; above them only the way over the first
-- sponsors
climbed as (
    select
        lower_agent_id as agent_id,
        upper_agent_id as sponsor_agent_id,
        levels as sponsor_level,
        share_percent,
        is_primary,
        array[lower_agent_id, upper_agent_id] as path
    from links

    union all

    select
        climbed.agent_id,
        links.upper_agent_id as sponsor_agent_id,
        climbed.sponsor_level + links.levels as sponsor_level,
        case
            when climbed.share_percent is null or links.share_percent is null then null
            else least(climbed.share_percent, links.share_percent)
        end as share_percent,
        climbed.is_primary and links.is_primary as is_primary,
        climbed.path || links.upper_agent_id as path
    from climbed
    inner join links on climbed.sponsor_agent_id = links.lower_agent_id
    where
        links.upper_agent_id <> all(climbed.path)
        and climbed.sponsor_level + links.levels <= {{ var("network_max_depth") }}
        and (
            climbed.sponsor_level + links.levels <= 5
            or (climbed.is_primary and links.is_primary)
        )
),

final as (
    select
        -- ids
        agent_id,
        sponsor_agent_id,

        -- numerics
        sponsor_level,
        case when sponsor_level <= 5 then sponsor_level::smallint end as tier,
        count(share_percent) as whole_chains,
        case when sponsor_level <= 5 then sum(share_percent) end as share_percent,

        -- booleans
        bool_or(is_primary) as is_primary,
        bool_or(share_percent is null) as has_unknown_chain,

        -- lists
        coalesce(
            min(path) filter (where share_percent is not null), min(path)
        ) as path
    from climbed
    group by agent_id, sponsor_agent_id, sponsor_level
)

select * from final

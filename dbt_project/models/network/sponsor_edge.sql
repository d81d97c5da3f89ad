with

owners as (
    select
        connection_id,
        agent_id
    from {{ ref("connection") }}
    where agent_id is not null
),

tier_one as (
    select
        connection_id,
        member_source_id,
        sponsorship_type,
        sponsor_split_percent,
        synced_at
    from {{ ref("stg_rezen__down_line_agents") }}
    where tier = 1

    union all

    select
        connection_id,
        member_source_id,
        sponsorship_type,
        sponsor_split_percent,
        synced_at
    from {{ ref("stg_rezen__front_line_agents") }}
),

deeper as (
    select * from {{ ref("stg_rezen__down_line_agents") }}
    where sponsor_source_id is not null
),

sponsors as (
    select * from {{ ref("stg_rezen__sponsors") }}
    where sponsor_level is not null
),

-- who is in somebody's first tier was sponsored by that person
own_edges as (
    select
        {{ our_id("rezen", "tier_one.member_source_id") }} as member_agent_id,
        owners.agent_id as sponsor_agent_id,
        tier_one.sponsorship_type,
        tier_one.sponsor_split_percent,
        tier_one.synced_at,
        'first_tier' as provenance,
        1 as priority
    from tier_one
    inner join owners on tier_one.connection_id = owners.connection_id
),

stated_edges as (
    select
        {{ our_id("rezen", "member_source_id") }} as member_agent_id,
        {{ our_id("rezen", "sponsor_source_id") }} as sponsor_agent_id,
        sponsorship_type,
        sponsor_split_percent,
        synced_at,
        'stated_sponsor' as provenance,
        2 as priority
    from deeper
),

-- the up-line comes as levels: each level sponsors the one before it
up_line as (
    select
        connection_id,
        0 as sponsor_level,
        agent_id,
        null::timestamptz as synced_at
    from owners

    union all

    select
        connection_id,
        sponsor_level,
        {{ our_id("rezen", "sponsor_source_id") }} as agent_id,
        synced_at
    from sponsors
),

tree_edges as (
    select
        below.agent_id as member_agent_id,
        above.agent_id as sponsor_agent_id,
        null::text as sponsorship_type,
        null::numeric as sponsor_split_percent,
        above.synced_at,
        'sponsor_tree' as provenance,
        3 as priority
    from up_line as below
    inner join up_line as above
        on
            below.connection_id = above.connection_id
            and below.sponsor_level + 1 = above.sponsor_level
),

edges as (
    select * from own_edges
    union all
    select * from stated_edges
    union all
    select * from tree_edges
),

latest as (
    select distinct on (member_agent_id, sponsor_agent_id) *
    from edges
    where member_agent_id <> sponsor_agent_id
    order by
        member_agent_id, sponsor_agent_id, priority, synced_at desc, sponsorship_type,
        sponsor_split_percent
),

final as (
    select
        member_agent_id,
        sponsor_agent_id,
        provenance,
        sponsorship_type,
        sponsor_split_percent,
        count(*) over (partition by member_agent_id) > 1 as is_co_sponsored,
        synced_at
    from latest
)

select * from final

with

members as (
    select * from {{ ref("int_members__sighted") }}
),

owners as (
    select
        connection_id,
        agent_id
    from {{ ref("connection") }}
    where agent_id is not null
),

sponsors as (
    select * from {{ ref("stg_rezen__sponsors") }}
    where sponsor_level is not null
),

-- who is in somebody's first tier was sponsored by that person
own_claims as (
    select
        member_agent_id,
        owner_agent_id as sponsor_agent_id,
        'first_tier' as provenance,
        1 as priority,
        coalesce(stated_sponsor_agent_id = owner_agent_id, false) as is_stated,
        sponsorship_type,
        sponsor_split_percent,
        synced_at
    from members
    where tier = 1 or is_on_front_line
),

-- below the first tier the owner himself cannot be the direct sponsor
stated_claims as (
    select
        member_agent_id,
        stated_sponsor_agent_id as sponsor_agent_id,
        'stated_sponsor' as provenance,
        2 as priority,
        true as is_stated,
        sponsorship_type,
        sponsor_split_percent,
        synced_at
    from members
    where stated_sponsor_agent_id <> owner_agent_id
),

-- the up-line comes as levels, over the first of two sponsors: each level sponsors the
-- one before
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

tree_claims as (
    select
        below.agent_id as member_agent_id,
        above.agent_id as sponsor_agent_id,
        'sponsor_tree' as provenance,
        3 as priority,
        true as is_stated,
        null::text as sponsorship_type,
        null::numeric as sponsor_split_percent,
        greatest(below.synced_at, above.synced_at) as synced_at
    from up_line as below
    inner join up_line as above
        on
            below.connection_id = above.connection_id
            and below.sponsor_level + 1 = above.sponsor_level
),

claims as (
    select * from own_claims
    union all
    select * from stated_claims
    union all
    select * from tree_claims
),

claimed as (
    select distinct on (member_agent_id, sponsor_agent_id)
        *,
        date_trunc('hour', synced_at) as synced_hour,
        bool_or(is_stated) over (
            partition by member_agent_id, sponsor_agent_id
        ) as is_named
    from claims
    where member_agent_id <> sponsor_agent_id
    order by
        member_agent_id, sponsor_agent_id, date_trunc('hour', synced_at) desc, priority,
        synced_at desc, sponsorship_type, sponsor_split_percent
),

-- the newest word on whether there are two sponsors, whoever they are
sponsorships as (
    select distinct on (member_agent_id)
        member_agent_id,
        sponsorship_type,
        sponsor_split_percent,
        {{ is_co_sponsorship("sponsorship_type", "sponsor_split_percent") }}
            as is_co_sponsored
    from members
    where sponsorship_type is not null or sponsor_split_percent is not null
    order by
        member_agent_id, date_trunc('hour', synced_at) desc, tier, synced_at desc,
        owner_agent_id
),

ranked as (
    select
        claimed.member_agent_id,
        claimed.sponsor_agent_id,
        claimed.provenance,
        claimed.is_named,
        claimed.synced_at,
        coalesce(claimed.sponsorship_type, sponsorships.sponsorship_type)
            as sponsorship_type,
        coalesce(claimed.sponsor_split_percent, sponsorships.sponsor_split_percent)
            as sponsor_split_percent,
        sponsorships.is_co_sponsored,
        row_number() over (
            partition by claimed.member_agent_id
            order by
                claimed.synced_hour desc, claimed.priority, claimed.synced_at desc,
                claimed.is_named desc, claimed.sponsor_agent_id
        ) as recency
    from claimed
    left join sponsorships on claimed.member_agent_id = sponsorships.member_agent_id
),

-- a new sponsor replaces the old one; a second one stays only beside a co-sponsor
current_sponsors as (
    select
        *,
        count(*) over (partition by member_agent_id) as sponsor_count,
        row_number() over (
            partition by member_agent_id
            order by is_named desc, recency
        ) as sponsor_rank
    from ranked
    where
        recency = 1
        or (
            recency = 2
            and coalesce(is_co_sponsored, provenance = 'first_tier')
        )
),

final as (
    select
        -- ids
        member_agent_id,
        sponsor_agent_id,

        -- strings
        provenance,
        sponsorship_type,

        -- numerics
        sponsor_split_percent,

        -- booleans
        coalesce(is_co_sponsored, false) or sponsor_count > 1 as is_co_sponsored,
        sponsor_rank = 1 as is_primary,

        -- dates
        synced_at
    from current_sponsors
)

select * from final

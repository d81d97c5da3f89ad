with

details as (
    select
        team_source_id,
        team_name,
        team_type,
        team_status,
        country,
        is_flex,
        member_split_percent,
        created_at,
        updated_at,
        synced_at,
        1 as priority,
        'roster' as provenance
    from {{ ref("stg_rezen__teams") }}
),

memberships as (
    select
        team_source_id,
        team_name,
        team_type,
        null::text as team_status,
        null::text as country,
        is_flex,
        null::numeric as member_split_percent,
        null::timestamptz as created_at,
        null::timestamptz as updated_at,
        synced_at,
        2 as priority,
        'own_membership' as provenance
    from {{ ref("stg_rezen__agent_team_memberships") }}
),

-- teams of other people's deals are only known by their id
deals as (
    select distinct
        team_source_id,
        null::text as team_name,
        null::text as team_type,
        null::text as team_status,
        null::text as country,
        null::boolean as is_flex,
        null::numeric as member_split_percent,
        null::timestamptz as created_at,
        null::timestamptz as updated_at,
        null::timestamptz as synced_at,
        3 as priority,
        'deal' as provenance
    from {{ ref("int_deals__unified") }}
    where team_source_id is not null
),

sighted as (
    select * from details
    union all
    select * from memberships
    union all
    select * from deals
),

latest as (
    select distinct on (team_source_id) *
    from sighted
    order by
        team_source_id, priority, updated_at desc nulls last, synced_at desc nulls last,
        team_name
),

final as (
    select
        {{ our_id("rezen", "team_source_id") }} as team_id,
        team_source_id,
        team_name,
        team_type,
        team_status,
        country,
        provenance,
        member_split_percent,
        coalesce(is_flex, false) as is_flex,
        created_at,
        updated_at
    from latest
)

select * from final

with

members as (
    select * from {{ ref("int_members__sighted") }}
),

edges as (
    select * from {{ ref("sponsor_edge") }}
),

unlocks as (
    select * from {{ ref("tier_unlock") }}
),

connections as (
    select
        agent_id,
        max(account_currency) as account_currency
    from {{ ref("connection") }}
    where agent_id is not null
    group by agent_id
),

contributions as (
    select * from {{ ref("network_contribution") }}
),

-- a reading of a cap year that is over says nothing about today
own_caps as (
    select distinct on (agent_id) *
    from {{ ref("agent_cap") }}
    where
        is_current
        and (
            cap_year_end_date > {{ reporting_today() }}
            or cap_year_end_date = '{{ var("unknown_date") }}'
        )
    order by agent_id, cap_year_end_date desc
),

agents as (
    select * from {{ ref("agent") }}
),

locations as (
    select * from {{ ref("int_agents__located") }}
),

roster_caps as (
    select
        agent_id,
        min(real_cap_amount) as real_cap_amount
    from {{ ref("team_member") }}
    where is_active and not is_flex and real_cap_amount is not null
    group by agent_id
),

-- of two sponsors the one who is himself in this network, a tier higher
owner_sponsors as (
    select distinct on (members.owner_agent_id, members.member_agent_id)
        members.owner_agent_id,
        members.member_agent_id,
        edges.sponsor_agent_id
    from members
    inner join edges on members.member_agent_id = edges.member_agent_id
    left join members as sponsors
        on
            members.owner_agent_id = sponsors.owner_agent_id
            and edges.sponsor_agent_id = sponsors.member_agent_id
    order by
        members.owner_agent_id, members.member_agent_id,
        coalesce(sponsors.tier, 0) = members.tier - 1 desc,
        edges.is_primary desc, edges.sponsor_agent_id
),

other_currencies as (
    select distinct
        contributions.owner_agent_id,
        contributions.member_agent_id
    from contributions
    inner join connections on contributions.owner_agent_id = connections.agent_id
    where contributions.currency <> connections.account_currency
),

-- caps from the member's own account, else as the network row has them, else the
-- roster's level
capped as (
    select
        members.owner_agent_id,
        members.member_agent_id,
        case
            when own_caps.agent_id is not null then 'own_account'
            when coalesce(members.cap_amount, members.cap_paid_amount) is not null
                then 'network_row'
            when roster_caps.agent_id is not null then 'roster'
        end as cap_provenance,
        own_caps.currency as own_currency,
        coalesce(own_caps.group_team_cap_amount, own_caps.annual_cap_amount)
            as own_cap_amount,
        own_caps.cap_paid_amount as own_paid_amount,
        own_caps.is_capped as own_is_capped,
        own_caps.is_elite,
        roster_caps.real_cap_amount
    from members
    left join own_caps on members.member_agent_id = own_caps.agent_id
    left join roster_caps on members.member_agent_id = roster_caps.agent_id
),

final as (
    select
        -- ids
        members.owner_agent_id,
        members.member_agent_id,
        concat_ws(
            '-',
            split_part(members.owner_agent_id, ':', 2),
            members.member_source_id,
            members.tier
        ) as network_source_id,
        owner_sponsors.sponsor_agent_id,

        -- strings
        members.first_name,
        members.last_name,
        members.member_status,
        members.sponsorship_type,
        case capped.cap_provenance
            when 'own_account' then capped.own_currency
            when 'network_row'
                then coalesce(members.cap_currency, agents.account_currency)
            when 'roster' then agents.account_currency
        end as cap_currency,
        capped.cap_provenance,
        connections.account_currency as contribution_currency,
        coalesce(locations.country, 'unknown') as country,
        coalesce(locations.state_code, 'unknown') as state_code,
        members.provenance,

        -- numerics
        members.tier,
        members.sponsor_split_percent,
        members.network_size,
        case capped.cap_provenance
            when 'own_account' then capped.own_cap_amount
            when 'network_row' then members.cap_amount
            when 'roster' then capped.real_cap_amount
        end as cap_amount,
        case capped.cap_provenance
            when 'own_account' then capped.own_paid_amount
            when 'network_row' then members.cap_paid_amount
        end as cap_paid_amount,
        coalesce(contributions.contribution_amount, 0) as contribution_amount,
        contributions.vendor_amount as vendor_contribution_amount,

        -- booleans
        members.is_active,
        coalesce(members.is_unlocking, false) as is_unlocking,
        coalesce(capped.own_is_capped, members.is_capped, false) as is_capped,
        capped.is_elite,
        not coalesce(unlocks.is_unlocked, false) as is_tier_locked,
        other_currencies.owner_agent_id is not null as has_other_currency,
        coalesce(members.member_status = 'INACTIVE', false)
        or coalesce(
            members.terminated_date <= {{ reporting_today() }}
            and members.member_status not in ('ACTIVE', 'RESURRECTING'), false
        ) as has_left,

        -- dates
        members.join_date,
        members.anniversary_date,
        members.terminated_date,
        members.unlocking_expiry_date,
        members.updated_at,
        members.synced_at
    from members
    inner join capped
        on
            members.owner_agent_id = capped.owner_agent_id
            and members.member_agent_id = capped.member_agent_id
    inner join connections on members.owner_agent_id = connections.agent_id
    left join agents on members.member_agent_id = agents.agent_id
    left join locations on members.member_agent_id = locations.agent_id
    left join owner_sponsors
        on
            members.owner_agent_id = owner_sponsors.owner_agent_id
            and members.member_agent_id = owner_sponsors.member_agent_id
    left join unlocks
        on
            members.owner_agent_id = unlocks.owner_agent_id
            and members.tier = unlocks.tier
    left join contributions
        on
            members.owner_agent_id = contributions.owner_agent_id
            and members.member_agent_id = contributions.member_agent_id
            and connections.account_currency = contributions.currency
    left join other_currencies
        on
            members.owner_agent_id = other_currencies.owner_agent_id
            and members.member_agent_id = other_currencies.member_agent_id
)

select * from final

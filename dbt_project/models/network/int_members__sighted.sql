{%- set columns = [
    "connection_id", "member_source_id", "sponsor_source_id", "tier", "first_name",
    "last_name", "member_status", "email_address", "phone_number", "sponsorship_type",
    "cap_currency", "sponsor_split_percent", "network_size", "cap_amount",
    "cap_paid_amount", "is_unlocking", "is_capped", "join_date", "anniversary_date",
    "terminated_date", "unlocking_expiry_date", "updated_at", "synced_at", "provenance",
    "priority",
] -%}

with

owners as (
    select
        connection_id,
        agent_id
    from {{ ref("connection") }}
    where agent_id is not null
),

down_line as (
    select
        *,
        'down_line' as provenance,
        1 as priority
    from {{ ref("stg_rezen__down_line_agents") }}
),

front_line as (
    select
        *,
        1::bigint as tier,
        'front_line' as provenance,
        2 as priority
    from {{ ref("stg_rezen__front_line_agents") }}
),

combined as (
    select {{ columns | join(", ") }} from down_line
    union all
    select {{ columns | join(", ") }} from front_line
),

sighted as (
    select
        owners.agent_id as owner_agent_id,
        combined.*,
        date_trunc('hour', combined.synced_at) as synced_hour,
        bool_or(
            {{ is_co_sponsorship(
                "combined.sponsorship_type", "combined.sponsor_split_percent"
            ) }}
        ) over (
            partition by owners.agent_id, combined.member_source_id
        ) as is_co_sponsored
    from combined
    inner join owners on combined.connection_id = owners.connection_id
    where combined.member_source_id is not null
),

-- a tier move leaves the row of the old tier behind until the next full reading; who
-- has two sponsors can be in two tiers at once, and is in the nearer one
placed as (
    select distinct on (owner_agent_id, member_source_id)
        owner_agent_id,
        member_source_id,
        tier,
        provenance
    from sighted
    order by
        owner_agent_id, member_source_id, priority,
        case when not is_co_sponsored then updated_at end desc nulls last,
        case when not is_co_sponsored then synced_hour end desc nulls last, tier
),

front_lines as (
    select distinct
        owner_agent_id,
        member_source_id
    from sighted
    where provenance = 'front_line'
),

-- the front line is read whole each time, the down-line only where the vendor says that
-- somebody changed: of two equally old rows the front line's has the newer flags
described as (
    select distinct on (sighted.owner_agent_id, sighted.member_source_id)
        sighted.*,
        placed.provenance as tier_provenance
    from sighted
    inner join placed
        on
            sighted.owner_agent_id = placed.owner_agent_id
            and sighted.member_source_id = placed.member_source_id
            and sighted.tier = placed.tier
    order by
        sighted.owner_agent_id, sighted.member_source_id,
        sighted.updated_at desc nulls last, sighted.synced_hour desc,
        sighted.priority desc, sighted.synced_at desc, sighted.connection_id
),

final as (
    select
        -- ids
        described.owner_agent_id,
        {{ our_id("rezen", "described.member_source_id") }} as member_agent_id,
        described.member_source_id,
        {{ our_id("rezen", "described.sponsor_source_id") }} as stated_sponsor_agent_id,

        -- strings
        described.first_name,
        described.last_name,
        described.member_status,
        described.sponsorship_type,
        described.cap_currency,
        described.tier_provenance as provenance,

        -- numerics
        described.tier::smallint as tier,
        described.sponsor_split_percent,
        described.network_size,
        described.cap_amount,
        described.cap_paid_amount,

        -- booleans
        coalesce(described.member_status = 'ACTIVE', false) as is_active,
        described.is_unlocking,
        described.is_capped,
        described.is_co_sponsored,
        front_lines.owner_agent_id is not null as is_on_front_line,

        -- dates
        described.join_date,
        described.anniversary_date,
        described.terminated_date,
        described.unlocking_expiry_date,
        described.updated_at,
        described.synced_at
    from described
    left join front_lines
        on
            described.owner_agent_id = front_lines.owner_agent_id
            and described.member_source_id = front_lines.member_source_id
)

select * from final

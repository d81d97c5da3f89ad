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

{%- set columns = [
    "connection_id", "member_source_id", "tier", "first_name", "last_name",
    "member_status", "email_address", "phone_number", "sponsorship_type",
    "cap_currency", "sponsor_split_percent", "network_size", "cap_amount",
    "cap_paid_amount", "is_unlocking", "is_capped", "join_date", "anniversary_date",
    "terminated_date", "unlocking_expiry_date", "updated_at", "synced_at", "provenance",
    "priority",
] %}

sighted as (
    select {{ columns | join(", ") }} from down_line
    union all
    select {{ columns | join(", ") }} from front_line
),

-- a tier move leaves the row of the old tier behind until the next full reading
current_tier as (
    select distinct on (owners.agent_id, sighted.member_source_id)
        owners.agent_id as owner_agent_id,
        sighted.*
    from sighted
    inner join owners on sighted.connection_id = owners.connection_id
    order by
        owners.agent_id, sighted.member_source_id, sighted.priority,
        sighted.updated_at desc nulls last, date_trunc('hour', sighted.synced_at) desc,
        sighted.tier
),

final as (
    select
        -- ids
        owner_agent_id,
        {{ our_id("rezen", "member_source_id") }} as member_agent_id,

        -- strings
        first_name,
        last_name,
        member_status,
        sponsorship_type,
        cap_currency,
        provenance,

        -- numerics
        tier::smallint as tier,
        sponsor_split_percent,
        network_size,
        cap_amount,
        cap_paid_amount,

        -- booleans
        coalesce(member_status = 'ACTIVE', false) as is_active,
        coalesce(is_unlocking, false) as is_unlocking,
        coalesce(is_capped, false) as is_capped,
        terminated_date is not null as has_left,

        -- dates
        join_date,
        anniversary_date,
        terminated_date,
        unlocking_expiry_date,
        updated_at,
        synced_at
    from current_tier
)

select * from final

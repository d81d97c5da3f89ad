{#- live rows of each list that the vendor counts, and by what part it counts them -#}
{%- set rezen_lists = {
    "transaction_list": ["stg_rezen__transaction_list_rows", "viewer_lifecycle_group"],
    "listing_list": ["stg_rezen__listing_list_rows", "viewer_lifecycle_group"],
    "revshare_payments": ["stg_rezen__revshare_payments", none],
    "revshare_pending": ["stg_rezen__revshare_pending_contributions", none],
} -%}
{%- set fub_lists = {
    "people": "stg_fub__people",
    "users": "stg_fub__users",
    "deals": "stg_fub__deals",
    "calls": "stg_fub__calls",
    "events": "stg_fub__events",
    "appointments": "stg_fub__appointments",
    "stages": "stg_fub__stages",
    "pipelines": "stg_fub__pipelines",
} -%}

with

rezen_marks as (
    select
        'rezen' as vendor,
        *
    from {{ ref("stg_rezen__sync_marks") }}
),

fub_marks as (
    select
        'fub' as vendor,
        *
    from {{ ref("stg_fub__sync_marks") }}
),

marks as (
    select * from rezen_marks
    union all
    select * from fub_marks
),

-- what the vendor counted when the list was last read well
latest as (
    select distinct on (vendor, connection_id, entity) *
    from marks
    where reading_status = 'ok' and vendor_count is not null
    order by vendor, connection_id, entity, finished_at desc
),

told as (
    select
        vendor,
        connection_id,
        entity,
        'ALL' as lifecycle_group,
        vendor_count as tc_vendor
    from latest

    union all

    select
        latest.vendor,
        latest.connection_id,
        latest.entity,
        parts.lifecycle_group,
        parts.vendor_count::bigint as tc_vendor
    from latest
    cross join lateral jsonb_each_text(latest.vendor_counts)
        as parts (lifecycle_group, vendor_count)
),

held as (
    {%- for entity, source in rezen_lists.items() %}
    select
        'rezen' as vendor,
        connection_id,
        '{{ entity }}' as entity,
        {{ source[1] or "null::text" }} as lifecycle_group,
        count(*) as rows_held
    from {{ ref(source[0]) }}
    group by connection_id{{ ", " ~ source[1] if source[1] }}
    union all
    {%- endfor %}
    {%- for entity, model in fub_lists.items() %}
    select
        'fub' as vendor,
        connection_id,
        '{{ entity }}' as entity,
        null::text as lifecycle_group,
        count(*) as rows_held
    from {{ ref(model) }}
    group by connection_id
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
),

counted as (
    select
        vendor,
        connection_id,
        entity,
        case when grouping(lifecycle_group) = 1 then 'ALL' else lifecycle_group end
            as lifecycle_group,
        sum(rows_held)::bigint as tc_ad
    from held
    group by grouping sets (
        (vendor, connection_id, entity),
        (vendor, connection_id, entity, lifecycle_group)
    )
),

lists as (
    select
        coalesce(told.vendor, counted.vendor) as vendor,
        coalesce(told.connection_id, counted.connection_id) as connection_id,
        coalesce(told.entity, counted.entity) as entity,
        coalesce(told.lifecycle_group, counted.lifecycle_group) as lifecycle_group,
        told.tc_vendor,
        coalesce(counted.tc_ad, 0) as tc_ad
    from told
    full join counted
        on
            told.vendor = counted.vendor
            and told.connection_id = counted.connection_id
            and told.entity = counted.entity
            and told.lifecycle_group = counted.lifecycle_group
    where
        coalesce(told.lifecycle_group, counted.lifecycle_group) is not null
        and coalesce(told.entity, counted.entity) in (
            {%- for entity in rezen_lists.keys() | list + fub_lists.keys() | list %}
            '{{ entity }}'{{ "," if not loop.last }}
            {%- endfor %}
        )
),

tiers as (
    select distinct on (connections.agent_id, sizes.tier)
        'rezen' as vendor,
        connections.connection_id,
        'network' as entity,
        'TIER_' || sizes.tier as lifecycle_group,
        sizes.vendor_count as tc_vendor,
        sizes.active_members as tc_ad
    from {{ ref("network_size") }} as sizes
    inner join {{ ref("connection") }} as connections
        on sizes.owner_agent_id = connections.agent_id
    order by connections.agent_id, sizes.tier, connections.connection_id
),

compared as (
    select * from lists
    union all
    select * from tiers
),

final as (
    select
        vendor,
        connection_id,
        entity,
        lifecycle_group,
        tc_vendor,
        tc_ad,
        tc_vendor - tc_ad as tc_mismatch
    from compared
)

select * from final

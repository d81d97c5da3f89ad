with

deals as (
    select
        vendor,
        lead_source,
        updated_at
    from {{ ref("int_sightings__normalised") }}
    where lead_source is not null and vendor <> 'dotloop'
),

contacts as (
    select
        'fub' as vendor,
        lead_source,
        created_at as updated_at
    from {{ ref("stg_fub__people") }}
    where lead_source is not null
),

combined as (
    select * from deals
    union all
    select * from contacts
),

keyed as (
    select
        *,
        {{ name_key("lead_source") }} as lead_source_key
    from combined
),

-- one spelling for all of them: the most usual one
spelled as (
    select
        lead_source_key,
        mode() within group (order by lead_source) as lead_source_name,
        string_agg(distinct vendor, ', ' order by vendor) as vendors,
        count(*) filter (where vendor <> 'fub') as deal_count,
        count(*) filter (where vendor = 'fub') as contact_count,
        max(updated_at) as last_seen_at
    from keyed
    where lead_source_key is not null
    group by lead_source_key
)

select * from spelled

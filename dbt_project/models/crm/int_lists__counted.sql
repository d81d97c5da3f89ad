with

accounts as (
    select
        connection_id,
        fub_account_id as crm_account_id
    from {{ ref("connection") }}
    where fub_account_id is not null

    union all

    select
        connection_id,
        lofty_account_id as crm_account_id
    from {{ ref("int_tenants__identified") }}
),

marks as (
    select
        connection_id,
        entity,
        reading_status,
        vendor_count,
        finished_at
    from {{ ref("stg_fub__sync_marks") }}

    union all

    select
        connection_id,
        entity,
        reading_status,
        vendor_count,
        finished_at
    from {{ ref("stg_lofty__sync_marks") }}
),

-- each connection is counted at its last good reading
latest as (
    select distinct on (connection_id, entity) *
    from marks
    where reading_status = 'ok' and vendor_count is not null
    order by connection_id, entity, finished_at desc
),

-- the connection that sees most tells for the account
final as (
    select
        accounts.crm_account_id,
        latest.entity as list_name,
        max(latest.vendor_count) as vendor_count,
        max(latest.finished_at) as counted_at
    from latest
    inner join accounts on latest.connection_id = accounts.connection_id
    group by accounts.crm_account_id, latest.entity
)

select * from final

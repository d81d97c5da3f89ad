with

states as (
    select * from {{ ref("lifecycle_state") }}
),

seen as (
    select
        'agent' as entity,
        agent_status as source_status
    from {{ ref("agent") }}
    where agent_status is not null

    union

    select
        'crm_deal' as entity,
        deal_status as source_status
    from {{ ref("fub_deal") }}
    where deal_status is not null
),

final as (
    select
        'transaction' as entity,
        lifecycle_state as source_status,
        transaction_status as shown_status,
        lower(lifecycle_group) as status_group
    from states

    union all

    select
        'listing' as entity,
        lifecycle_state as source_status,
        listing_status as shown_status,
        lower(lifecycle_group) as status_group
    from states

    union all

    select
        entity,
        source_status,
        initcap(replace(source_status, '_', ' ')) as shown_status,
        case
            when entity = 'agent' and source_status = 'ACTIVE' then 'open'
            when entity = 'agent' and source_status in ('INACTIVE', 'REJECTED')
                then 'terminated'
            when entity = 'crm_deal' and source_status = 'Active' then 'open'
            when entity = 'crm_deal' then 'terminated'
            else 'pending'
        end as status_group
    from seen
)

select * from final

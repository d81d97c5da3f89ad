with

list_rows as (
    select * from {{ ref("stg_rezen__transaction_list_rows") }}
),

details as (
    select * from {{ ref("stg_rezen__transactions") }}
),

transactions as (
    select * from {{ ref("transaction") }}
),

financials as (
    select * from {{ ref("transaction_financials") }}
),

connections as (
    select * from {{ ref("connection") }}
),

copies as (
    select
        connection_id,
        deal_source_id,
        viewer_lifecycle_group,
        my_net_payout_amount,
        my_net_payout_currency,
        updated_at,
        synced_at,
        1 as preference
    from list_rows

    union all

    select
        connection_id,
        deal_source_id,
        null::text as viewer_lifecycle_group,
        my_net_payout_amount,
        my_net_payout_currency,
        updated_at,
        synced_at,
        0 as preference
    from details
),

latest as (
    select distinct on (connection_id, deal_source_id) *
    from copies
    order by
        connection_id, deal_source_id, (my_net_payout_amount is null),
        updated_at desc nulls last, preference
),

viewer_groups as (
    select
        connection_id,
        deal_source_id,
        max(viewer_lifecycle_group) as viewer_lifecycle_group
    from copies
    group by connection_id, deal_source_id
),

final as (
    select
        -- ids
        transactions.transaction_id,
        latest.connection_id,
        connections.agent_id as viewer_agent_id,
        connections.agent_key,

        -- strings
        viewer_groups.viewer_lifecycle_group,
        case
            when latest.my_net_payout_amount is not null
                then coalesce(latest.my_net_payout_currency, financials.currency)
        end as net_payout_currency,

        -- numerics
        latest.my_net_payout_amount as net_payout_amount,

        -- booleans
        coalesce(connections.agent_id = transactions.owner_agent_id, false) as is_owner,

        -- dates
        latest.updated_at,
        latest.synced_at
    from latest
    inner join viewer_groups
        on
            latest.connection_id = viewer_groups.connection_id
            and latest.deal_source_id = viewer_groups.deal_source_id
    inner join transactions
        on latest.deal_source_id = transactions.transaction_source_id
    inner join financials on transactions.transaction_id = financials.transaction_id
    left join connections on latest.connection_id = connections.connection_id
)

select * from final

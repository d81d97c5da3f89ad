with

deals as (
    select * from {{ ref("int_deals__unified") }}
),

states as (
    select * from {{ ref("lifecycle_state") }}
),

grouped as (
    select
        deals.*,
        states.transaction_status,
        states.listing_status,
        states.lifecycle_state is not null as is_known_state,
        -- a state that nobody knows yet: the list it came from still tells the group
        coalesce(
            states.lifecycle_group,
            deals.list_lifecycle_group,
            case
                when deals.is_terminated_flag then 'TERMINATED'
                when deals.is_closed_flag then 'CLOSED'
            end,
            'UNKNOWN'
        ) as lifecycle_group,
        coalesce(
            deals.actual_closing_date,
            deals.skyslope_closing_date,
            deals.agent_reported_closing_date,
            {{ reporting_date("deals.closed_at") }}
        ) as closed_on,
        coalesce(deals.closed_at, deals.rezen_closed_at) as rezen_closed_instant
    from deals
    left join states on deals.lifecycle_state = states.lifecycle_state
),

classified as (
    select
        grouped.*,
        coalesce(
            case
                when grouped.is_listing then grouped.listing_status
                else grouped.transaction_status
            end,
            case grouped.lifecycle_group
                when 'OPEN'
                    then case when grouped.is_listing then 'Active' else 'Pending' end
                when 'CLOSED' then 'Closed'
                when 'TERMINATED' then 'Terminated'
            end,
            'Unknown'
        ) as conformed_status
    from grouped
)

select * from classified

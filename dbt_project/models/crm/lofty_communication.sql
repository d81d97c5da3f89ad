with

latest as (
    {{ one_per_lofty_account(
        "stg_lofty__communications",
        "staged.communication_source_id",
    ) }}
),

users as (
    select * from {{ ref("lofty_user") }}
),

final as (
    select
        -- ids
        latest.lofty_account_id,
        latest.communication_source_id,
        latest.lead_source_id,
        latest.agent_user_source_id as user_source_id,
        users.agent_id,
        latest.seen_by,

        -- strings
        users.user_name,
        case
            when latest.event_type = 'Call' then 'call'
            when latest.event_type = 'Text' then 'text'
            when latest.event_type ~* 'email$' then 'email'
            else 'unknown'
        end as channel,
        case lower(latest.direction)
            when 'inbound' then 'incoming'
            when 'outbound' then 'outgoing'
            else 'unknown'
        end as direction,
        latest.event_type,
        lower(latest.communication_type) as communication_type,
        coalesce(latest.call_outcome, latest.delivery_status) as outcome,

        -- numerics
        case
            when latest.event_type = 'Call' then coalesce(latest.call_seconds, 0)
        end as duration_seconds,

        -- booleans
        coalesce(latest.is_from_pond, false) as is_from_pond,

        -- dates
        latest.communicated_at,
        {{ reporting_date("latest.communicated_at") }} as communicated_on
    from latest
    left join users
        on
            latest.lofty_account_id = users.lofty_account_id
            and latest.agent_user_source_id = users.user_source_id
)

select * from final

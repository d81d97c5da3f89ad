with

changes as (
    select
        *,
        {{ reporting_date("detected_at") }} as news_date,
        case change_type
            when 'New to Network' then 'new_member'
            when 'Status' then 'status'
            when 'Network Size' then 'network_size'
            when 'Join Date' then 'join_date'
            when 'Tier moved' then 'tier'
            when 'Left' then 'departure'
        end as news_kind
    from {{ ref("network_change_log") }}
),

days as (
    select
        owner_agent_id,
        member_agent_id,
        news_date,
        news_kind,
        {{ latest_value("member_name", "detected_at") }} as member_name,
        (array_agg(tier order by detected_at desc))[1] as tier,
        (array_agg(value_old order by detected_at))[1] as value_old,
        (array_agg(value_new order by detected_at desc))[1] as value_new,
        max(detected_at) as detected_at
    from changes
    group by owner_agent_id, member_agent_id, news_date, news_kind
),

-- what changed to and fro within a day is no news of the day
final as (
    select * from days
    where
        news_kind in ('new_member', 'departure') or value_old is distinct from value_new
)

select * from final

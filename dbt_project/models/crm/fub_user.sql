with

latest as (
    {{ one_per_account("stg_fub__users", "staged.user_source_id") }}
),

agents as (
    {{ agents_by_email() }}
),

final as (
    select
        -- ids
        latest.fub_account_id,
        latest.user_source_id,
        agents.agent_id,

        -- strings
        latest.user_name,
        lower(latest.user_email) as user_email,
        latest.user_role,
        latest.user_status,
        latest.timezone,
        case
            when latest.is_owner then 'owner'
            when latest.user_role = 'Broker' then 'admin'
            when
                latest.user_role = 'Agent'
                and jsonb_typeof(latest.team_leader_of) = 'array'
                and latest.team_leader_of <> '[]'::jsonb
                then 'team_leader'
            else lower(latest.user_role)
        end as account_role,

        -- booleans
        coalesce(latest.is_owner, false) as is_owner,
        coalesce(latest.user_status = 'Active', false) as is_active,

        -- dates
        latest.created_at,
        latest.updated_at
    from latest
    left join agents on lower(latest.user_email) = agents.email
)

select * from final

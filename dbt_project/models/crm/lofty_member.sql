with

latest as (
    {{ one_per_lofty_account("stg_lofty__members", "staged.member_source_id") }}
),

agents as (
    {{ agents_by_email() }}
),

final as (
    select
        -- ids
        latest.lofty_account_id,
        latest.member_source_id,
        latest.user_source_id,
        latest.invitor_user_source_id,
        latest.office_source_id,
        agents.agent_id,

        -- strings
        concat_ws(' ', latest.first_name, latest.last_name) as member_name,
        latest.email as member_email,
        latest.role_name,
        latest.office_name,
        latest.account_status,
        latest.time_zone,
        latest.license_number,

        -- numerics
        latest.role_code,
        latest.status_code,
        latest.assigned_lead_count,

        -- booleans
        coalesce(latest.is_admin, false) as is_admin,
        coalesce(latest.account_status = 'ACTIVE', false) as is_active
    from latest
    left join agents on latest.email = agents.email
)

select * from final

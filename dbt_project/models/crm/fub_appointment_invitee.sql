with

appointments as (
    select * from {{ ref("fub_appointment") }}
),

invitees as (
    select * from {{ ref("stg_fub__appointment_invitees") }}
),

users as (
    select * from {{ ref("fub_user") }}
),

final as (
    select
        appointments.fub_account_id,
        appointments.appointment_source_id,
        invitees.invitee_number,
        invitees.user_source_id,
        invitees.person_source_id,
        users.agent_id,
        invitees.invitee_name,
        invitees.invitee_email
    from appointments
    inner join invitees
        on
            appointments.read_through_connection_id = invitees.connection_id
            and appointments.appointment_source_id = invitees.appointment_source_id
    left join users
        on
            appointments.fub_account_id = users.fub_account_id
            and invitees.user_source_id = users.user_source_id
)

select * from final

with

contacts as (
    select * from {{ ref("int_contacts__unified") }}
),

-- one person may be in an account twice: the oldest contact outside the trash counts
ranked as (
    select
        *,
        crm_account_id || ':' || lead_source_id as lead_id,
        first_value(crm_account_id || ':' || lead_source_id) over (
            partition by crm_account_id, primary_email
            order by is_trashed, created_at nulls last, lead_source_id
        ) as first_lead_id
    from contacts
),

final as (
    select
        -- ids
        lead_id,
        vendor,
        crm_account_id,
        lead_source_id,
        assigned_user_source_id,
        assigned_agent_id,
        case
            when primary_email is not null and first_lead_id <> lead_id
                then first_lead_id
        end as duplicate_of_lead_id,
        {{ text_array("seen_by") }} as seen_by,

        -- strings
        lead_name,
        primary_email,
        stage_name,
        source_name,
        assigned_user_name,

        -- booleans
        is_trashed,
        coalesce(
            primary_email is not null and first_lead_id <> lead_id, false
        ) as is_duplicate,

        -- dates
        created_at,
        {{ reporting_date("created_at") }} as created_on,
        {{ known_month(reporting_date("created_at")) }} as created_month,
        last_activity_at
    from ranked
)

select * from final

with

latest as (
    {{ one_per_lofty_account(
        "stg_lofty__transactions",
        "staged.transaction_source_id",
        newest="staged.updated_at",
    ) }}
),

tenants as (
    select * from {{ ref("int_tenants__identified") }}
),

users as (
    select * from {{ ref("lofty_user") }}
),

-- a transaction has only the name of its stage; a name that two stages have links none
stages as (
    select
        lofty_account_id,
        transaction_type,
        stage_name,
        min(transaction_stage_source_id) as transaction_stage_source_id
    from {{ ref("lofty_transaction_stage") }}
    group by lofty_account_id, transaction_type, stage_name
    having count(*) = 1
),

final as (
    select
        -- ids
        latest.lofty_account_id,
        latest.transaction_source_id,
        latest.lead_source_id,
        latest.property_source_id,
        latest.assigned_user_source_id,
        users.agent_id as assigned_agent_id,
        stages.transaction_stage_source_id,
        latest.seen_by,

        -- strings
        latest.transaction_name,
        coalesce(users.user_name, latest.agent_name) as assigned_user_name,
        latest.transaction_type,
        latest.stage_name,

        -- numerics
        latest.home_price_amount,
        latest.gci_amount,
        latest.team_revenue_amount,
        latest.agent_revenue_amount,
        latest.commission_percent,
        tenants.account_currency as currency,

        -- dates
        {{ reporting_date("latest.closed_at") }} as closed_on,
        {{ known_month(reporting_date("latest.closed_at")) }} as closed_month,
        latest.created_at,
        latest.updated_at,
        latest.agreement_signed_at,
        latest.offered_at,
        latest.contracted_at,
        latest.expected_close_at,
        latest.closed_at,
        latest.expires_at
    from latest
    inner join tenants on latest.connection_id = tenants.connection_id
    left join users
        on
            latest.lofty_account_id = users.lofty_account_id
            and latest.assigned_user_source_id = users.user_source_id
    left join stages
        on
            latest.lofty_account_id = stages.lofty_account_id
            and latest.transaction_type = stages.transaction_type
            and latest.stage_name = stages.stage_name
)

select * from final

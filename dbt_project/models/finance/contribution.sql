with

receivers as (
    select
        connection_id,
        agent_id,
        account_currency
    from {{ ref("connection") }}
    where agent_id is not null
),

payments as (
    select * from {{ ref("revshare_payment") }}
),

{%- set columns = [
    "connection_id", "contribution_source_id", "payment_source_id",
    "contributor_source_id", "contributor_name", "transaction_source_id",
    "transaction_code", "transaction_type", "tier", "payout_amount", "currency",
    "base_amount", "base_currency", "contribution_status", "pending_reason",
    "missed_reason", "is_missed", "earned_date", "earned_at", "synced_at",
] %}

-- what a payment has paid is no longer pending, though a pending copy is around; the
-- list by tier has single deals at some accounts, and with them what was missed
combined as (
    select {{ columns | join(", ") }}, 1 as priority
    from {{ ref("stg_rezen__revshare_payment_contributions") }}

    union all

    select {{ columns | join(", ") }}, 2 as priority
    from {{ ref("stg_rezen__revshare_pending_contributions") }}

    union all

    select {{ columns | join(", ") }}, 3 as priority
    from {{ ref("stg_rezen__revshare_window_contributions") }}
    where
        is_missed
        and contribution_source_id is not null
        and transaction_source_id is not null
),

latest as (
    select distinct on (receivers.agent_id, combined.contribution_source_id)
        combined.*,
        receivers.agent_id as receiving_agent_id,
        receivers.account_currency
    from combined
    inner join receivers on combined.connection_id = receivers.connection_id
    order by
        receivers.agent_id, combined.contribution_source_id, combined.priority,
        combined.synced_at desc, combined.connection_id, combined.payment_source_id
),

final as (
    select
        -- ids
        latest.receiving_agent_id || ':' || latest.contribution_source_id
            as contribution_id,
        latest.receiving_agent_id,
        latest.contribution_source_id,
        {{ our_id("rezen", "latest.contributor_source_id") }} as contributing_agent_id,
        {{ our_id("rezen", "latest.transaction_source_id") }} as transaction_id,
        latest.payment_source_id,

        -- strings
        latest.contributor_name,
        latest.transaction_code,
        latest.transaction_type,
        case
            when latest.is_missed then 'MISSED'
            -- a payment is money already sent, unless it says otherwise
            when
                latest.priority = 1
                and coalesce(upper(payments.payment_status), 'PAID')
                not in ('PENDING', 'SCHEDULED', 'FAILED')
                then 'PAID'
            else 'PENDING'
        end as contribution_status,
        latest.contribution_status as contribution_status_source,
        latest.pending_reason,
        latest.missed_reason,
        coalesce(latest.currency, payments.currency, latest.account_currency)
            as currency,
        latest.base_currency,

        -- numerics
        coalesce(latest.tier, 0)::smallint as tier,
        coalesce(latest.payout_amount, 0) as payout_amount,
        latest.base_amount,

        -- booleans
        latest.is_missed,

        -- dates
        latest.earned_date,
        {{ known_month("latest.earned_date") }} as earned_month,
        latest.earned_at,
        payments.paid_at,
        latest.synced_at
    from latest
    left join payments
        on
            latest.receiving_agent_id = payments.receiving_agent_id
            and latest.payment_source_id = payments.payment_source_id
)

select * from final

with

tenants as (
    select * from {{ ref("int_tenants__identified") }}
),

accounts as (
    select
        lofty_account_id,
        min(account_source_id) as account_source_id,
        array_agg(connection_id order by connection_id) as connection_ids,
        min(account_currency) as account_currency,
        bool_or(is_whole_account) as is_whole_account
    from tenants
    group by lofty_account_id
),

counts as (
    {{ vendor_counts(
        "lofty",
        {
            "leads": "lofty_lead",
            "members": "lofty_member",
            "transactions": "lofty_transaction",
            "communications": "lofty_communication",
        },
        "accounts",
    ) }}
),

final as (
    select
        -- ids
        accounts.lofty_account_id,
        accounts.account_source_id,
        accounts.connection_ids,

        -- strings
        accounts.account_currency,

        -- numerics
        counts.leads_lofty,
        counts.leads_ad,
        counts.members_lofty,
        counts.members_ad,
        counts.transactions_lofty,
        counts.transactions_ad,
        counts.communications_lofty,
        counts.communications_ad,

        -- booleans
        accounts.is_whole_account,

        -- dates
        counts.counted_at
    from accounts
    inner join counts on accounts.lofty_account_id = counts.lofty_account_id
)

select * from final

with

changes as (
    {{ deal_changes(
        "snap_transaction",
        "transaction_id",
        [
            "lifecycle_state", "lifecycle_group", "price_amount", "price_currency",
            "gross_commission_amount", "gross_commission_currency", "owner_agent_id",
            "team_id", "contract_date", "firm_date", "estimated_closing_date", "closed_on",
        ],
        {
            "price_amount": "price_currency",
            "gross_commission_amount": "gross_commission_currency",
        },
    ) }}
),

first_versions as (
    select distinct on (transaction_id) *
    from {{ ref("snap_transaction") }}
    order by transaction_id, dbt_valid_from
),

-- of what came before the first snapshot, the vendor tells when Real closed a deal
earlier_closings as (
    select
        transaction_id,
        'lifecycle_group' as attribute,
        'OPEN' as old_value,
        lifecycle_group as new_value,
        null::numeric as old_amount,
        null::text as old_currency,
        null::date as old_date,
        null::numeric as new_amount,
        null::text as new_currency,
        null::date as new_date,
        rezen_closed_at as changed_at,
        'vendor' as provenance,
        dbt_valid_from as detected_at
    from first_versions
    where lifecycle_group = 'CLOSED' and rezen_closed_at <= dbt_valid_from
),

final as (
    select * from changes
    union all
    select * from earlier_closings
)

select * from final

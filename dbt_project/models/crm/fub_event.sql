with

latest as (
    {{ one_per_account("stg_fub__events", "staged.event_source_id") }}
),

final as (
    select
        -- ids
        fub_account_id,
        event_source_id,
        person_source_id,
        seen_by,

        -- strings
        event_type,
        lead_source,
        page_title,
        property_street,
        property_city,
        property_state,
        property_mls_number,

        -- numerics
        page_seconds,
        property_price_amount,

        -- dates
        occurred_at,
        {{ reporting_date("occurred_at") }} as occurred_on,
        created_at,
        updated_at
    from latest
)

select * from final

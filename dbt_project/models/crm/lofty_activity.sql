with

latest as (
    {{ one_per_lofty_account(
        "stg_lofty__lead_activities",
        "staged.lead_source_id, staged.created_milliseconds, staged.activity_type, "
        ~ "staged.text_hash",
    ) }}
),

-- what was shown or asked is personal text: only what kind of thing it was is kept
final as (
    select
        -- ids
        lofty_account_id,
        lead_source_id,
        created_milliseconds,
        activity_type,
        text_hash,
        {{ lofty_id("listing ->> 'listingId'") }} as listing_source_id,
        seen_by,

        -- strings
        page_name,
        {{ json_text("listing", "city") }} as property_city,
        {{ json_text("listing", "state") }} as property_state,

        -- numerics
        {{ lofty_figure(json_numeric("listing", "price")) }} as property_price_amount,

        -- dates
        occurred_at,
        {{ reporting_date("occurred_at") }} as occurred_on,
        scheduled_at
    from latest
)

select * from final

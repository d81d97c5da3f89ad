with

latest as (
    {{ newest_copy("stg_stripe__events", "event_source_id") }}
),

-- the names tell what changed; the old values stay in raw
changes as (
    select
        latest.event_source_id,
        array_agg(attributes.attribute order by attributes.attribute)
            as changed_attributes
    from latest
    cross join
        lateral jsonb_object_keys(
            case
                when jsonb_typeof(latest.previous_attributes) = 'object'
                    then latest.previous_attributes
            end
        ) as attributes (attribute)
    group by latest.event_source_id
),

final as (
    select
        -- ids
        {{ our_id("stripe", "latest.event_source_id") }} as billing_event_id,
        latest.event_source_id,
        {{ our_id("stripe", "latest.object_source_id") }} as object_id,
        {{ our_id("stripe", "latest.customer_source_id") }} as customer_id,

        -- strings
        latest.event_type,
        latest.object_kind,
        latest.api_version,
        changes.changed_attributes,

        -- booleans
        coalesce(latest.is_live, false) as is_live,

        -- dates
        latest.created_at,
        {{ reporting_date("latest.created_at") }} as created_on
    from latest
    left join changes on latest.event_source_id = changes.event_source_id
)

select * from final

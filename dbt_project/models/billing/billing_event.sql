with

latest as (
    {{ newest_copy("stg_stripe__events", "event_source_id") }}
),

final as (
    select
        -- ids
        {{ our_id("stripe", "event_source_id") }} as billing_event_id,
        event_source_id,
        {{ our_id("stripe", "object_source_id") }} as object_id,
        {{ our_id("stripe", "customer_source_id") }} as customer_id,

        -- strings
        event_type,
        object_kind,
        api_version,
        array(
            select attributes.attribute
            from jsonb_object_keys(
                case
                    when jsonb_typeof(previous_attributes) = 'object'
                        then previous_attributes
                end
            ) as attributes (attribute)
            order by attributes.attribute
        ) as changed_attributes,

        -- booleans
        coalesce(is_live, false) as is_live,

        -- dates
        created_at,
        {{ reporting_date("created_at") }} as created_on
    from latest
)

select * from final

with

latest as (
    {{ newest_copy("stg_stripe__products", "product_source_id") }}
),

features as (
    select
        connection_id,
        product_source_id,
        array_agg(feature_name order by feature_position) as features
    from {{ ref("stg_stripe__product_features") }}
    where feature_name is not null
    group by connection_id, product_source_id
),

known as (
    select * from {{ ref("billing_product") }}
),

tagged as (
    select
        *,
        {{ json_text("metadata", "tier") }} as tier
    from latest
),

-- a product named by its id goes before one named by its name
matched as (
    select distinct on (tagged.product_source_id)
        tagged.product_source_id,
        known.package_code,
        known.product_role
    from tagged
    inner join known
        on known.product_reference
            in (tagged.product_source_id, lower(tagged.product_name))
    order by
        tagged.product_source_id,
        (known.product_reference <> tagged.product_source_id)
),

final as (
    select
        -- ids
        {{ our_id("stripe", "tagged.product_source_id") }} as product_id,
        tagged.product_source_id,
        {{ our_id("stripe", "tagged.default_price_source_id") }} as default_price_id,

        -- strings
        tagged.product_name,
        tagged.product_description,
        tagged.unit_label,
        tagged.tier,
        case
            when matched.product_source_id is not null then matched.package_code
            else tagged.tier
        end as package_code,
        coalesce(
            matched.product_role,
            case
                when lower(tagged.unit_label) = 'seat' then 'seat'
                when tagged.tier is not null then 'plan'
                else 'unknown'
            end
        ) as product_role,
        features.features,

        -- booleans
        coalesce(tagged.is_active, false) as is_active,
        coalesce(tagged.is_live, false) as is_live,

        -- dates
        tagged.created_at,
        tagged.updated_at
    from tagged
    left join matched on tagged.product_source_id = matched.product_source_id
    left join features
        on
            tagged.connection_id = features.connection_id
            and tagged.product_source_id = features.product_source_id
)

select * from final

with

versions as (
    select
        *,
        dbt_valid_from as valid_from,
        coalesce(dbt_valid_to, 'infinity'::timestamptz) as valid_to
    from {{ ref("snap_stripe_subscription") }}
    where dbt_is_deleted = 'False'
),

priced as (
    select * from {{ ref("int_quantities__priced") }}
),

bounds as (
    select
        date_trunc('month', min({{ reporting_date("dbt_valid_from") }}))
            as first_month,
        date_trunc('month', {{ reporting_today() }}) as last_month
    from {{ ref("snap_stripe_subscription") }}
),

-- a month is measured at its end, the running one now; a build writes versions up to
-- a moment later than now
months as (
    select
        series.month_start::date as mrr_month,
        least(
            (series.month_start + interval '1 month')
            at time zone '{{ reporting_timezone() }}',
            {{ as_of() }} + interval '1 second'
        ) as measured_at
    from bounds
    cross join lateral generate_series(
        bounds.first_month::timestamp, bounds.last_month::timestamp, interval '1 month'
    ) as series (month_start)
),

-- an account that two connections show is one
copies as (
    select distinct on (
        months.mrr_month, versions.subscription_source_id, versions.item_source_id
    )
        months.mrr_month,
        months.measured_at,
        versions.*
    from months
    inner join versions
        on
            months.measured_at > versions.valid_from
            and months.measured_at <= versions.valid_to
    where versions.item_source_id <> ''
    order by
        months.mrr_month,
        versions.subscription_source_id,
        versions.item_source_id,
        versions.valid_from desc,
        versions.connection_id
),

final as (
    select
        -- ids
        copies.mrr_month,
        {{ our_id("stripe", "copies.subscription_source_id") }} as subscription_id,
        {{ our_id("stripe", "copies.item_source_id") }} as subscription_item_id,
        {{ our_id("stripe", "copies.customer_source_id") }} as customer_id,

        -- strings
        copies.subscription_status,
        {{ mrr_class("copies.subscription_status", "copies.is_collection_paused") }}
            as mrr_class,
        coalesce(priced.currency, copies.currency) as currency,

        -- numerics
        priced.monthly_amount,

        -- booleans
        coalesce(priced.is_metered, false) as is_metered,
        priced.monthly_amount is null and not coalesce(priced.is_metered, false)
            as is_unpriced,

        -- dates
        copies.measured_at
    from copies
    left join priced
        on
            copies.price_source_id = priced.price_source_id
            and {{ quantity_key("copies.quantity", "copies.currency") }}
            = priced.quantity_key
)

select * from final

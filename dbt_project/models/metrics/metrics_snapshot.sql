{{
    config(
        materialized="incremental",
        incremental_strategy="delete+insert",
        unique_key="snapshot_date",
        on_schema_change="append_new_columns",
        full_refresh=false,
        pre_hook="{{ lock_this() }}",
    )
}}

with

counters as (
    select
        subject_type,
        subject_id,
        metric_name,
        dimension,
        currency,
        metric_value,
        null::bigint as tc_vendor,
        null::bigint as tc_ad,
        null::bigint as tc_mismatch
    from {{ ref("int_counters__measured") }}
),

counts as (
    select
        'connection' as subject_type,
        connection_id as subject_id,
        'tc_' || entity as metric_name,
        lifecycle_group as dimension,
        null::text as currency,
        tc_ad::numeric as metric_value,
        tc_vendor,
        tc_ad,
        tc_mismatch
    from {{ ref("int_counts__reconciled") }}
),

measured as (
    select * from counters
    union all
    select * from counts
),

final as (
    select
        {{ reporting_today() }} as snapshot_date,
        subject_type,
        subject_id,
        metric_name,
        coalesce(dimension, 'unknown') as dimension,
        coalesce(currency, '') as currency,
        metric_value::numeric(24, 4) as metric_value,
        tc_vendor,
        tc_ad,
        tc_mismatch,
        {{ as_of() }} as measured_at
    from measured
)

select * from final
-- what is known today belongs to no earlier day: the past is not written again
{%- if is_incremental() %}
where
    snapshot_date
    >= (select coalesce(max(kept.snapshot_date), '-infinity') from {{ this }} as kept)
{%- endif %}

with

measured as (
    select * from {{ ref("metrics_snapshot") }}
),

measured_dates as (
    select distinct snapshot_date from measured
),

-- each day shows the last day that was measured until the next one
periods as (
    select
        snapshot_date,
        coalesce(
            lead(snapshot_date) over (order by snapshot_date) - 1,
            greatest({{ reporting_today() }}, snapshot_date)
        ) as last_date
    from measured_dates
),

days as (
    select
        periods.snapshot_date,
        shown.metric_at::date as metric_date
    from periods
    cross join lateral generate_series(
        periods.snapshot_date::timestamp,
        periods.last_date::timestamp,
        interval '1 day'
    ) as shown (metric_at)
),

final as (
    select
        days.metric_date,
        measured.subject_type,
        measured.subject_id,
        measured.metric_name,
        measured.dimension,
        measured.currency,
        measured.metric_value,
        measured.tc_vendor,
        measured.tc_ad,
        measured.tc_mismatch,
        days.metric_date <> days.snapshot_date as is_filled,
        days.snapshot_date as measured_date
    from days
    inner join measured on days.snapshot_date = measured.snapshot_date
)

select * from final

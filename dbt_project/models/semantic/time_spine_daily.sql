with

years as (
    select * from {{ ref("time_period") }}
    where period_kind = 'year'
),

-- the unknown day is a day of its own, so that figures under it have a place
final as (
    select days.date_day::date as date_day
    from years
    cross join lateral generate_series(
        years.starts_on::timestamp, years.ends_on, interval '1 day'
    ) as days (date_day)
)

select * from final

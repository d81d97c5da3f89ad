-- a day on which a tier has no row, or two, would make a tier vanish or count twice
with

periods as (
    select
        tier,
        currency,
        effective_from,
        effective_to,
        lag(coalesce(effective_to, 'infinity'::date)) over (
            partition by tier, currency order by effective_from
        ) as previous_to,
        lead(effective_from) over (
            partition by tier, currency order by effective_from
        ) as next_from
    from {{ ref("revshare_tier") }}
),

wanted as (
    select tier::smallint as tier
    from generate_series(1, 5) as tier
),

broken as (
    select
        tier,
        currency,
        'periods overlap, leave a gap or end' as finding
    from periods
    where
        effective_to < effective_from
        or (previous_to is not null and effective_from - 1 is distinct from previous_to)
        or (next_from is null and effective_to is not null)
),

missing as (
    select
        wanted.tier,
        'USD' as currency,
        'the tier is missing' as finding
    from wanted
    left join periods on wanted.tier = periods.tier and periods.currency = 'USD'
    where periods.tier is null
)

select * from broken
union all
select * from missing

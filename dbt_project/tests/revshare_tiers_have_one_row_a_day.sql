-- a day on which a tier has no row, or two, would make a tier vanish or count twice
with

tiers as (
    select
        *,
        lag(coalesce(effective_to, 'infinity'::date)) over (
            partition by tier, currency order by effective_from
        ) as previous_to,
        lead(effective_from) over (
            partition by tier, currency order by effective_from
        ) as next_from
    from {{ ref("revshare_tier") }}
)

select *
from tiers
where
    effective_to < effective_from
    or (previous_to is not null and effective_from - 1 is distinct from previous_to)
    or (next_from is null and effective_to is not null)

union all

select
    tiers.*
from (select 1) as present
left join tiers on true
where (select count(distinct tiers.tier) from tiers where tiers.currency = 'USD') <> 5

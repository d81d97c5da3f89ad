with

readings as (
    select * from {{ ref("stg_rezen__cap_info") }}
),

dated as (
    select
        *,
        coalesce(next_anniversary_date, '{{ var("unknown_date") }}'::date)
            as cap_year_end_date
    from readings
),

latest as (
    select distinct on (agent_source_id, cap_year_end_date) *
    from dated
    order by agent_source_id, cap_year_end_date, read_date desc, synced_at desc
),

final as (
    select
        -- ids
        {{ our_id("rezen", "agent_source_id") }} as agent_id,
        cap_year_end_date,

        -- strings
        coalesce(currency, 'USD') as currency,

        -- numerics
        annual_cap_amount,
        cap_paid_amount,
        greatest(annual_cap_amount - coalesce(cap_paid_amount, 0), 0)
            as cap_remaining_amount,
        group_team_cap_amount,
        pre_cap_fee_amount,
        post_cap_fee_amount,
        real_split_percent,
        member_split_percent,
        leader_split_percent,

        -- booleans
        coalesce(is_capped, false) as is_capped,
        is_unlocked,
        coalesce(is_elite, false) as is_elite,
        read_date = max(read_date) over (partition by agent_source_id) as is_current,

        -- dates
        capped_at,
        read_date
    from latest
)

select * from final

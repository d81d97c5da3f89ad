with

-- a version that only says that the reading is gone adds nothing to the year
versions as (
    select * from {{ ref("snap_agent_cap") }}
    where dbt_is_deleted = 'False'
),

final as (
    select
        -- ids
        agent_id,
        cap_year_end_date,
        case
            when cap_year_end_date > '{{ var("unknown_date") }}'::date
                then (cap_year_end_date - interval '1 year')::date
            else cap_year_end_date
        end as cap_year_start_date,

        -- strings
        currency,

        -- numerics
        row_number() over (
            partition by agent_id, cap_year_end_date order by dbt_valid_from
        ) as version_number,
        annual_cap_amount,
        cap_paid_amount,
        greatest(annual_cap_amount - coalesce(cap_paid_amount, 0), 0)
            as cap_remaining_amount,
        cap_paid_amount - lag(cap_paid_amount) over (
            partition by agent_id, cap_year_end_date order by dbt_valid_from
        ) as cap_paid_change_amount,
        group_team_cap_amount,
        pre_cap_fee_amount,
        post_cap_fee_amount,
        real_split_percent,

        -- booleans
        is_capped,
        is_unlocked,
        is_elite,
        dbt_valid_from = max(dbt_valid_from) over (
            partition by agent_id, cap_year_end_date
        ) as is_last_of_year,
        cap_year_end_date = max(cap_year_end_date) over (
            partition by agent_id
        ) as is_latest_year,

        -- dates
        capped_at,
        read_date,
        dbt_valid_from as valid_from_at,
        dbt_valid_to as valid_to_at
    from versions
)

select * from final

with

agents as (
    select
        agent_id,
        coalesce(anniversary_date, join_date) as anchor_date
    from {{ ref("agent") }}
),

plans as (
    select * from {{ ref("commission_plan") }}
    where is_default
),

-- a reading that does not tell when its year ends belongs to the year it was read in
readings as (
    select
        caps.agent_id,
        caps.currency,
        caps.annual_cap_amount,
        caps.group_team_cap_amount,
        caps.cap_paid_amount,
        caps.is_capped,
        caps.is_elite,
        caps.capped_at,
        caps.read_date,
        case
            when caps.cap_year_end_date > '{{ var("earliest_date") }}'::date
                then caps.cap_year_end_date
        end as cap_year_end_date,
        case
            when caps.cap_year_end_date > '{{ var("earliest_date") }}'::date
                then (caps.cap_year_end_date - interval '1 year')::date
            when agents.anchor_date is not null
                then {{ cap_year_start("agents.anchor_date", "caps.read_date") }}
            else '{{ var("unknown_date") }}'::date
        end as cap_year_start_date
    from {{ ref("agent_cap") }} as caps
    left join agents on caps.agent_id = agents.agent_id
),

readings_by_year as (
    select distinct on (agent_id, cap_year_start_date) *
    from readings
    order by agent_id, cap_year_start_date, read_date desc
),

rosters as (
    select distinct on (agent_id)
        agent_id,
        real_cap_amount
    from {{ ref("team_member") }}
    where is_active and not is_flex and real_cap_amount is not null
    order by agent_id, real_cap_amount
),

network_rows as (
    select distinct on (member_agent_id)
        member_agent_id as agent_id,
        cap_amount,
        cap_currency
    from {{ ref("network_member") }}
    where cap_amount is not null
    order by member_agent_id, updated_at desc nulls last, owner_agent_id
),

current_years as (
    select
        agent_id,
        coalesce(
            {{ cap_year_start("anchor_date", reporting_today()) }},
            '{{ var("unknown_date") }}'::date
        ) as cap_year_start_date
    from agents
),

years as (
    select
        agent_id,
        cap_year_start_date
    from readings_by_year

    union

    select
        agent_id,
        cap_year_start_date
    from current_years
),

-- who is on a roster today says nothing about the years before
candidates as (
    select
        years.agent_id,
        years.cap_year_start_date,
        current_years.agent_id is not null as is_current_year,
        coalesce(
            readings_by_year.currency, network_rows.cap_currency, 'USD'
        ) as currency,
        coalesce(readings_by_year.group_team_cap_amount, rosters.real_cap_amount)
            as team_cap_amount,
        readings_by_year.annual_cap_amount as brokerage_cap_amount,
        network_rows.cap_amount as user_cap_amount,
        coalesce(
            readings_by_year.cap_year_end_date,
            (years.cap_year_start_date + interval '1 year')::date
        ) as cap_year_end_date,
        readings_by_year.cap_paid_amount,
        readings_by_year.is_capped,
        readings_by_year.is_elite,
        readings_by_year.capped_at,
        readings_by_year.read_date
    from years
    left join current_years
        on
            years.agent_id = current_years.agent_id
            and years.cap_year_start_date = current_years.cap_year_start_date
    left join readings_by_year
        on
            years.agent_id = readings_by_year.agent_id
            and years.cap_year_start_date = readings_by_year.cap_year_start_date
    left join rosters on current_years.agent_id = rosters.agent_id
    left join network_rows on current_years.agent_id = network_rows.agent_id
),

final as (
    select
        candidates.*,
        coalesce(
            candidates.team_cap_amount,
            candidates.brokerage_cap_amount,
            candidates.user_cap_amount,
            plans.annual_cap_amount
        ) as cap_amount,
        case
            when candidates.team_cap_amount is not null then 'team'
            when candidates.brokerage_cap_amount is not null then 'brokerage'
            when candidates.user_cap_amount is not null then 'user'
            when plans.annual_cap_amount is not null then 'plan'
            else 'unknown'
        end as cap_source
    from candidates
    left join plans on candidates.currency = plans.currency
)

select * from final

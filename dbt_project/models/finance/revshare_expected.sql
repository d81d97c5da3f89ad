with

expectations as (
    select * from {{ ref("int_contributions__expected") }}
),

pools as (
    select * from {{ ref("revshare_pool") }}
),

contributions as (
    select * from {{ ref("contribution") }}
    where not is_missed
),

-- a receiver earns while producing: a closing of their own, at most some months ago
closings as (
    select distinct
        agent_id,
        earned_date
    from {{ ref("int_shares__settled") }}
    where is_connected and provenance = 'deal' and gross_amount > 0
),

earning_days as (
    select distinct
        receiving_agent_id,
        earned_date
    from expectations
),

producing as (
    select
        earning_days.receiving_agent_id,
        earning_days.earned_date
    from earning_days
    where
        exists (
            select 1
            from closings
            where
                closings.agent_id = earning_days.receiving_agent_id
                and closings.earned_date < earning_days.earned_date
                and (
                    closings.earned_date
                    + interval '{{ var("producing_months") }} months'
                )::date >= earning_days.earned_date
        )
),

paid_tiers as (
    select distinct
        receiving_agent_id,
        tier,
        earned_month
    from contributions
),

vendor_tiers as (
    select
        connections.agent_id as receiving_agent_id,
        tiers.tier,
        tiers.window_start_date as earned_month,
        bool_or(tiers.is_unlocked) as is_unlocked
    from {{ ref("stg_rezen__revshare_tiers") }} as tiers
    inner join {{ ref("connection") }} as connections
        on tiers.connection_id = connections.connection_id
    where connections.agent_id is not null
    group by connections.agent_id, tiers.tier, tiers.window_start_date
),

final as (
    select
        -- ids
        expectations.receiving_agent_id,
        expectations.contributing_agent_id,
        expectations.transaction_id,
        expectations.tier,
        expectations.currency,

        -- strings
        expectations.basis,

        -- numerics
        expectations.gross_amount,
        expectations.base_amount,
        expectations.vendor_base_amount,
        expectations.revshare_percent,
        expectations.sponsor_share_percent,
        expectations.co_sponsor_percent,
        expectations.path_count,
        expectations.yearly_max_amount,
        expectations.frontline_needed,
        coalesce(pools.pool_factor, 1) as pool_factor,
        expectations.full_formula_amount,
        expectations.formula_amount,
        expectations.expected_amount,
        round(expectations.expected_amount * coalesce(pools.pool_factor, 1), 2)
            as payable_amount,

        -- booleans
        expectations.is_counted and expectations.is_currency_covered as is_counted,
        expectations.was_capped as is_contributor_capped,
        expectations.is_deal_visible,
        expectations.is_contributor_connected,
        expectations.is_path_known,
        expectations.is_co_sponsored,
        producing.receiving_agent_id is not null as is_receiver_producing,
        -- what was paid at was open; else the vendor's flag; null when nobody tells
        case
            when paid_tiers.receiving_agent_id is not null then true
            when expectations.frontline_needed = 0 then true
            else vendor_tiers.is_unlocked
        end as is_tier_open,

        -- dates
        expectations.earned_date,
        expectations.earned_month,
        expectations.cap_year_start_date
    from expectations
    left join pools
        on
            expectations.earned_month = pools.earned_month
            and expectations.currency = pools.currency
    left join producing
        on
            expectations.receiving_agent_id = producing.receiving_agent_id
            and expectations.earned_date = producing.earned_date
    left join paid_tiers
        on
            expectations.receiving_agent_id = paid_tiers.receiving_agent_id
            and expectations.tier = paid_tiers.tier
            and expectations.earned_month = paid_tiers.earned_month
    left join vendor_tiers
        on
            expectations.receiving_agent_id = vendor_tiers.receiving_agent_id
            and expectations.tier = vendor_tiers.tier
            and expectations.earned_month = vendor_tiers.earned_month
)

select * from final

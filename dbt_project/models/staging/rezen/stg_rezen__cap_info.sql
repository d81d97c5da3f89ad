with

source as (
    {{ live_rows("rezen", "cap_info") }}
),

renamed as (
    select
        -- ids
        connection_id,
        {{ present('agent_id') }} as agent_source_id,

        -- strings
        coalesce(
            {{ currency_code('annual_cap_currency') }},
            {{ currency_code('cap_amount_currency') }},
            {{ currency_code('cap_amount_paid_currency') }}
        ) as currency,

        -- numerics
        coalesce(annual_cap_amount, cap_amount_amount) as annual_cap_amount,
        cap_amount_paid_amount as cap_paid_amount,
        group_team_cap_amount,
        pre_cap_fee_amount,
        post_cap_fee_amount,
        normal_team_lead_annual_cap_amount,
        pre_cap_real_commission_split as real_split_percent,
        leader_split as leader_split_percent,
        member_commission_split as member_split_percent,

        -- booleans
        capped as is_capped,
        unlocked as is_unlocked,
        elite as is_elite,
        pays_leader_split,

        -- dates
        read_on as read_date,
        next_anniversary_date,
        sponsor_producing_grace_period_end as sponsor_grace_end_date,
        grace_period_end as grace_end_date,
        deferred_cap_end_date,
        capped_at,

        -- loading
        _synced_at as synced_at
    from source
)

select * from renamed

{%- set tolerance -%}
{{ var("revshare_rounding_amount") }} * greatest(contribution_count, 1)
{%- endset -%}

with

matched as (
    select * from {{ ref("int_contributions__matched") }}
),

-- which of five things happened to the row
cases as (
    select
        *,
        case
            when is_answered and not is_missed and is_expected then 'answered'
            when is_answered and not is_missed then 'unexpected'
            when not is_answered and (not is_counted or has_other_currency)
                then 'other_currency'
            when missed_cause is not null then 'missed'
            else 'unanswered'
        end as outcome
    from matched
),

-- the vendor's own base in our formula, where it is not the base that the deal shows
rebased as (
    select
        *,
        case
            when
                outcome = 'answered'
                and basis = 'deal'
                and vendor_base_amount <> base_amount
                then round(
                        path_count * round(
                            vendor_base_amount * revshare_percent / 100
                            * sponsor_share_percent / 100,
                            2
                        ) * pool_factor,
                        2
                    )
        end as rebased_amount
    from cases
),

-- where the tree is not known, what is paid tells of a co-sponsor
aimed as (
    select
        *,
        case
            when abs(payout_amount - payable_amount) <= {{ tolerance }}
                then payable_amount
            when abs(payout_amount - rebased_amount) <= {{ tolerance }}
                then rebased_amount
            else payable_amount
        end as base_target_amount
    from rebased
),

-- each row that is listed is one path to the receiver
co_sponsored as (
    select
        *,
        contribution_count
        * round(base_target_amount * co_sponsor_percent / 100, 2)
            as co_sponsored_amount
    from aimed
),

targeted as (
    select
        *,
        case
            when
                outcome = 'answered'
                and not is_path_known
                and abs(payout_amount - base_target_amount) > {{ tolerance }}
                and abs(payout_amount - co_sponsored_amount) <= {{ tolerance }}
                then co_sponsored_amount
            else base_target_amount
        end as target_amount
    from co_sponsored
),

-- why the vendor is silent about what should be listed
silent as (
    select
        *,
        case
            when outcome = 'missed' then missed_cause
            when outcome = 'unanswered' and expected_amount > 0
                then
                    case
                        when not is_receiver_producing then 'missed'
                        when not is_tier_open then 'locked_tier'
                        when
                            earned_date
                            > {{ reporting_today() }}
                            - {{ var("revshare_listing_days") }}
                            then 'pending'
                        when is_contributor_flagged_capped then 'capped_contributor'
                        else 'unknown'
                    end
        end as silent_cause
    from targeted
),

parts as (
    select
        *,
        {{ as_money("case
            when outcome = 'other_currency' then 0
            else formula_amount - full_formula_amount
        end") }} as contributor_cap_amount,
        {{ as_money("case
            when outcome = 'other_currency' then 0
            else expected_amount - formula_amount
        end") }} as yearly_maximum_amount,
        {{ as_money("case
            when outcome = 'answered' then payable_amount - expected_amount else 0
        end") }} as pool_limit_amount,
        {{ as_money("case
            when outcome = 'answered' then base_target_amount - payable_amount else 0
        end") }} as other_base_amount,
        {{ as_money("case
            when outcome = 'answered' then target_amount - base_target_amount else 0
        end") }} as co_sponsor_amount,
        {{ as_money("case
            when outcome = 'answered' then payout_amount - target_amount else 0
        end") }} as rest_amount,
        {{ as_money("case
            when outcome = 'other_currency' then -full_formula_amount
            when outcome = 'unexpected' and has_other_currency then payout_amount
            else 0
        end") }} as currency_amount,
        {{ as_money("case
            when outcome = 'unexpected' and not has_other_currency then payout_amount
            else 0
        end") }} as deal_not_visible_amount,
        {{ as_money("case
            when silent_cause is not null then -expected_amount else 0
        end") }} as silent_amount
    from silent
),

final as (
    select
        *,
        {{ as_money("contributor_cap_amount + case
            when silent_cause = 'capped_contributor' then silent_amount else 0
        end") }} as capped_contributor_amount,
        {{ as_money("case
            when silent_cause = 'locked_tier' then silent_amount else 0
        end") }} as locked_tier_amount,
        {{ as_money("case
            when silent_cause = 'missed' then silent_amount else 0
        end") }} as missed_amount,
        {{ as_money("case
            when silent_cause = 'pending' then silent_amount else 0
        end - listed_pending_amount") }} as pending_amount,
        {{ as_money("case
            when abs(rest_amount) <= " ~ tolerance ~ " then rest_amount else 0
        end") }} as rounding_amount,
        {{ as_money("case
            when abs(rest_amount) > " ~ tolerance ~ " then rest_amount else 0
        end + case when silent_cause = 'unknown' then silent_amount else 0 end") }}
            as unknown_amount
    from parts
)

select * from final

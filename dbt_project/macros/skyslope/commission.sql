{# The money block of a file: both vintages under one set of names (contract §3.9). A referral is in
   the block of older files and in one of its own in newer ones; listings have none of their own. #}
{% macro commission_columns(referral="null::jsonb") %}
        {{
            json_numeric(
                'commission', ['officeGrossCommission', 'officeGrossCommissionOnSale']
            )
        }} as gross_commission_amount,
        {{ json_numeric('commission', 'saleCommissionPercent') }}
            as sale_commission_percent,
        {{
            json_numeric(
                'commission', ['salesCommissionAmount', 'saleCommissionAmount']
            )
        }} as sale_commission_amount,
        {{ json_numeric('commission', 'listingCommissionPercent') }}
            as listing_commission_percent,
        {{ json_numeric('commission', 'listingCommissionAmount') }}
            as listing_commission_amount,
        coalesce(
            {{ json_numeric(referral, 'amount') }},
            {{ json_numeric('commission', 'referralAmount') }}
        ) as referral_amount,
        coalesce(
            {{ json_numeric(referral, 'percent') }},
            {{ json_numeric('commission', 'referralAmountPercent') }}
        ) as referral_percent,
        {{
            json_numeric(
                'commission', ['transCoordinatorFee', 'transactionCoordinatorFee']
            )
        }} as coordinator_fee_amount,
        {{ json_text('commission', 'transactionCoordinatorName') }} as coordinator_name,
        {{ json_numeric('commission', 'adminBrokerageComp') }}
            as admin_compensation_amount,
        {{ json_numeric('commission', 'otherDeductions') }} as other_deductions_amount,
        {{
            json_text(
                'commission', ['commissionBreakdown', 'commissionBreakdownDetails']
            )
        }} as commission_breakdown,
        {{ json_boolean('commission', 'personalDeal') }} as is_personal_deal,
        {{ skyslope_date("commission ->> 'dateOfCheck'") }} as commission_check_date,
        {{ skyslope_date("commission ->> 'datePostedToLogBook'") }}
            as commission_posted_date
{%- endmacro %}


{# A day inside a nested value; the year 1 is no date (contract §2.2). #}
{% macro skyslope_date(expression) -%}
    nullif({{ safe_date(expression) }}, date '0001-01-01')
{%- endmacro %}

with

compensation as (
    select * from {{ ref("income") }}
    where income_type_source = 'NetPayout'
),

financials as (
    select * from {{ ref("transaction_financials") }}
),

settled as (
    select * from {{ ref("int_shares__settled") }}
    where provenance = 'deal'
),

splits as (
    select * from {{ ref("commission_split") }}
),

participants as (
    select distinct on (transaction_id, participant_source_id)
        transaction_id,
        participant_source_id,
        participant_role,
        is_external
    from {{ ref("participant") }}
    where transaction_id is not null
    order by transaction_id, participant_source_id
),

-- what others get of the gross commission, seen by each agent who is paid
others as (
    select
        compensation.income_id,
        -coalesce(
            sum(splits.split_amount) filter (
                where participants.participant_role = 'REFERRING_AGENT'
            ),
            0
        ) as referral_amount,
        -coalesce(
            sum(splits.split_amount) filter (
                where participants.participant_role in (
                    'TEAM_LEADER', 'PRO_TEAM_LEADER', 'DOMESTIC_LEAD'
                )
            ),
            0
        ) as team_split_amount,
        -coalesce(sum(splits.split_amount), 0) as others_amount
    from compensation
    inner join splits
        on
            compensation.transaction_id = splits.transaction_id
            and compensation.currency = splits.currency
            and compensation.agent_id is distinct from splits.agent_id
    left join participants
        on
            splits.transaction_id = participants.transaction_id
            and splits.participant_source_id = participants.participant_source_id
    group by compensation.income_id
),

wide as (
    select
        compensation.income_id,
        compensation.transaction_id,
        compensation.agent_id,
        compensation.currency,
        compensation.participation,
        compensation.income_date,
        compensation.income_month,
        compensation.amount as net_amount,
        coalesce(financials.gross_commission_amount, 0) as gci_amount,
        coalesce(others.referral_amount, 0) as referral_amount,
        coalesce(others.team_split_amount, 0) as team_split_amount,
        coalesce(
            others.others_amount - others.referral_amount - others.team_split_amount, 0
        ) as co_agent_amount,
        -coalesce(settled.company_split_amount, 0) as company_split_amount,
        -coalesce(settled.brokerage_fee_amount, 0) as brokerage_fee_amount,
        -coalesce(settled.processing_fee_amount, 0) as processing_fee_amount,
        -coalesce(settled.post_cap_fee_amount, 0) as post_cap_fee_amount,
        -coalesce(settled.stock_amount, 0) as stock_purchase_amount
    from compensation
    left join financials
        on
            compensation.transaction_id = financials.transaction_id
            and compensation.currency = financials.gross_commission_currency
    left join others on compensation.income_id = others.income_id
    left join settled
        on
            compensation.transaction_id = settled.transaction_id
            and compensation.agent_id = settled.agent_id
            and compensation.currency = settled.currency
),

{%- set lines = [
    "gci", "co_agent", "referral", "team_split", "company_split", "brokerage_fee",
    "processing_fee", "post_cap_fee", "stock_purchase",
] %}

explained as (
    select
        *,
        net_amount - (
            {%- for line in lines %}
            {{ line }}_amount{{ " +" if not loop.last }}
            {%- endfor %}
        ) as unexplained_amount
    from wide
),

long as (
    select
        explained.*,
        lines.line_number,
        lines.line_type,
        lines.line_amount
    from explained
    cross join lateral (
        values
        {%- for line in lines + ["unexplained", "net"] %}
        ({{ loop.index }}, '{{ line }}', explained.{{ line }}_amount)
        {{- "," if not loop.last }}
        {%- endfor %}
    ) as lines (line_number, line_type, line_amount)
),

final as (
    select
        -- ids
        transaction_id,
        agent_id,
        line_type,

        -- strings
        currency,
        participation,
        case
            when line_type = 'gci' then 'gross'
            when line_type = 'net' then 'net'
            else 'deduction'
        end as line_kind,

        -- numerics
        line_number::smallint as line_number,
        {{ as_money("line_amount") }} as line_amount,

        -- dates
        income_date as closed_on,
        income_month as closed_month
    from long
    where line_type in ('gci', 'net') or line_amount <> 0
)

select * from final

-- a payee who is listed twice, or a join, would double the gross commission of a deal
select
    lines.transaction_id,
    lines.agent_id,
    sum(lines.line_amount) as line_amount,
    max(financials.gross_commission_amount) as gross_commission_amount
from {{ ref("commission_line") }} as lines
inner join {{ ref("transaction_financials") }} as financials
    on
        lines.transaction_id = financials.transaction_id
        and lines.currency = financials.gross_commission_currency
where lines.line_type = 'gci'
group by lines.transaction_id, lines.agent_id
having sum(lines.line_amount) <> max(coalesce(financials.gross_commission_amount, 0))

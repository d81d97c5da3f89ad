-- gross and deductions of a scope and month leave what was paid out
select
    scope_kind,
    scope_id,
    currency,
    period_month,
    sum(line_amount) filter (where line_kind <> 'net') as explained_amount,
    sum(line_amount) filter (where line_kind = 'net') as net_amount
from {{ ref("revenue_waterfall") }}
group by scope_kind, scope_id, currency, period_month
having
    coalesce(sum(line_amount) filter (where line_kind <> 'net'), 0)
    <> coalesce(sum(line_amount) filter (where line_kind = 'net'), 0)

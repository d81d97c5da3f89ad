{{ config(severity="warn") }}

-- the published split and fees lead from the gross commission to the net payout
select
    transaction_id,
    agent_id,
    currency,
    line_amount
from {{ ref("commission_line") }}
where line_type = 'unexplained'

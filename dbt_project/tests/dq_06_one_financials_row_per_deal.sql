select transactions.transaction_id
from {{ ref("transaction") }} as transactions
full outer join {{ ref("transaction_financials") }} as financials
    on transactions.transaction_id = financials.transaction_id
where transactions.transaction_id is null or financials.transaction_id is null

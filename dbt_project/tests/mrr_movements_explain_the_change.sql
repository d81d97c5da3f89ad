-- what a month begins with and what moved is what it ends with
select *
from {{ ref("mrr") }}
where
    opening_amount + new_amount + reactivation_amount + expansion_amount
    + contraction_amount + churn_amount
    <> mrr_amount

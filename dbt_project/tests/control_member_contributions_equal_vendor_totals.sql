{{ config(severity="warn") }}

-- the vendor adds up what each contributor brought in; both are the same money
select *
from {{ ref("network_contribution") }}
where difference_amount <> 0

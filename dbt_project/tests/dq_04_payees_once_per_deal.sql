-- a payee who is listed twice doubles what is paid
select
    coalesce(transaction_id, listing_id) as deal_id,
    participant_source_id,
    count(*) as occurrences
from {{ ref("paid_participant") }}
group by coalesce(transaction_id, listing_id), participant_source_id
having count(*) > 1

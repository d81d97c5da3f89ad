-- the product had tiers as text here and as numbers there; in this folder they are
-- smallint
select
    table_name,
    data_type
from information_schema.columns
where
    table_schema = '{{ ref("network_member").schema }}'
    and column_name = 'tier'
    and data_type <> 'smallint'

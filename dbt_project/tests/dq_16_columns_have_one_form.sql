-- depends on: {{ ref("agent_summary") }}, {{ ref("title_order") }}, {{ ref("mrr") }}
-- depends on: {{ ref("fub_person") }}, {{ ref("deal") }}, {{ ref("network_member") }}
-- the product had mls_num beside mls_number, and moments in camel and in snake case:
-- instants have a zone and end in _at, and no name has capitals
select
    table_schema,
    table_name,
    column_name,
    data_type
from information_schema.columns
where
    table_schema in (
        'core', 'identity', 'network', 'finance', 'crm', 'title', 'billing', 'metrics',
        'marts'
    )
    and table_name !~ '^int_'
    and (
        column_name ~ '[A-Z]'
        or column_name in ('mls_num', 'last_updated', 'last_updated_ad')
        or data_type = 'timestamp without time zone'
        or (data_type = 'timestamp with time zone' and column_name !~ '_at$')
        or (data_type <> 'timestamp with time zone' and column_name ~ '_at$')
    )

-- depends on: {{ ref("agent_summary") }}, {{ ref("fub_person") }}, {{ ref("agent") }}
-- depends on: {{ ref("lead") }}, {{ ref("title_party") }}, {{ ref("customer") }}
-- credentials, tax, bank and birth data never get as far as the warehouse
select
    table_schema,
    table_name,
    column_name
from information_schema.columns
where
    table_schema in (
        'staging', 'snapshots', 'core', 'identity', 'network', 'finance', 'crm',
        'title', 'billing', 'metrics', 'marts'
    )
    and column_name
    ~ '(api_?key|password|secret|token|birth|national_id|tax_id|bank|ssn|tipalti)'

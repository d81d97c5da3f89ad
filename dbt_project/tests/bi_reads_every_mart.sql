-- depends on: {{ ref("agent_summary") }}, {{ ref("agent_network_tier") }}
-- depends on: {{ ref("transactions") }}, {{ ref("contacts") }}
-- depends on: {{ ref("revenue_share_by_month") }}, {{ ref("call_activity") }}
-- depends on: {{ ref("page") }}, {{ ref("page_tab") }}, {{ ref("page_section") }}
-- depends on: {{ ref("page_widget") }}, {{ ref("widget_viewport_layout") }}
-- depends on: {{ ref("page_filter") }}, {{ ref("page_filter_option") }}
-- depends on: {{ ref("chart_catalog") }}, {{ ref("chart_type") }}, {{ ref("chart_library") }}
-- depends on: {{ ref("network_news") }}
-- a rebuild must leave each mart readable to BI, and BI must not see anything else
with

relations as (
    select
        namespaces.nspname as table_schema,
        classes.relname as table_name,
        has_table_privilege('bi_reader', classes.oid, 'select') as can_read
    from pg_catalog.pg_class as classes
    inner join pg_catalog.pg_namespace as namespaces
        on classes.relnamespace = namespaces.oid
    where
        classes.relkind in ('r', 'v', 'm')
        and namespaces.nspname in (
            'staging', 'snapshots', 'core', 'identity', 'network', 'finance', 'crm',
            'title', 'billing', 'metrics', 'marts', 'pages'
        )
        and classes.relname not like '%__dbt_tmp%'
        and classes.relname not like '%__dbt_backup%'
)

select *
from relations
where can_read <> (table_schema in ('marts', 'pages'))

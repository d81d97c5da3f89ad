-- depends on: {{ ref("agent_caps") }}, {{ ref("agent_equity") }}
-- depends on: {{ ref("agent_month") }}, {{ ref("agent_network_tier") }}
-- depends on: {{ ref("agent_summary") }}, {{ ref("call_activity") }}
-- depends on: {{ ref("contacts") }}, {{ ref("deal_pipeline") }}
-- depends on: {{ ref("equity_by_month") }}, {{ ref("income_events") }}
-- depends on: {{ ref("leaderboards") }}, {{ ref("leads") }}
-- depends on: {{ ref("listings") }}, {{ ref("network_members") }}
-- depends on: {{ ref("outgoing_payments") }}, {{ ref("pending_revenue_share") }}
-- depends on: {{ ref("recurring_revenue") }}, {{ ref("revenue_share_by_month") }}
-- depends on: {{ ref("revenue_share_contributors") }}
-- depends on: {{ ref("revenue_share_payments") }}
-- depends on: {{ ref("revenue_share_reconciliation") }}, {{ ref("subscriptions") }}
-- depends on: {{ ref("team_summary") }}, {{ ref("title_orders") }}
-- depends on: {{ ref("transactions") }}
-- depends on: {{ ref("page") }}, {{ ref("page_tab") }}, {{ ref("page_section") }}
-- depends on: {{ ref("page_widget") }}, {{ ref("widget_viewport_layout") }}
-- depends on: {{ ref("page_filter") }}, {{ ref("page_filter_option") }}
-- depends on: {{ ref("chart_catalog") }}, {{ ref("chart_type") }}
-- depends on: {{ ref("chart_library") }}
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

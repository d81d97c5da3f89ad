{# The models that charts of the catalogue read: a test of the charts waits for them. #}
{% macro charted_models() -%}
    {{ return([
        "agent_monthly", "agent_network_tier", "agent_summary", "call_activity",
        "calls_by_direction", "calls_by_outcome", "contacts", "events_by_source",
        "events_by_type", "fact_transaction", "fub_activity_by_agent",
        "fub_activity_by_month", "leaderboard", "leads_by_agent", "leads_by_month",
        "leads_by_source", "leads_by_stage", "leads_conversion_funnel",
        "listings_by_agent", "listings_by_dom_bucket", "listings_by_month",
        "listings_by_property_type", "listings_by_stage", "network_by_geo",
        "network_by_month", "network_by_status", "network_by_tier", "network_by_week",
        "network_recruitment_funnel", "network_revshare_by_month", "pacing_daily",
        "revenue_by_agent", "revenue_by_month", "revenue_by_week",
        "revenue_share_by_month", "revenue_ytd", "status_mapping", "targets",
        "team_leaderboard", "texts_by_direction", "time_period", "transactions",
        "transactions_by_agent", "transactions_by_geo", "transactions_by_month",
        "transactions_by_stage", "transactions_by_type", "transactions_by_week",
        "transactions_yoy",
    ]) }}
{%- endmacro %}


{# Lets a test wait for every model that a chart reads. #}
{% macro after_charted_models() -%}
    {%- for model in charted_models() %}{% do ref(model) %}{% endfor -%}
{%- endmacro %}

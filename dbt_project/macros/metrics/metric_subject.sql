{#
What is measured, each thing once. `fact` is the base table; `keys` are in the grain of every table
made of it; `sums` are its columns that may be added up; `rates` are quotients of sums, by name:
what is above and what is below; `distincts` count something once that the fact has more often.
#}
{% macro metric_subject(name) -%}
    {%- set subjects = {
        "transaction": {
            "fact": "fact_transaction",
            "keys": ["currency"],
            "sums": [
                "closed_units", "pending_units", "terminated_units", "unknown_units",
                "total_units", "buy_side_units", "sell_side_units", "dual_side_units",
                "volume_amount", "gci_amount", "net_payout_amount",
                "pending_volume_amount", "pending_gci_amount", "days_to_close",
                "timed_units",
            ],
            "rates": {
                "average_sale_price_amount": ["volume_amount", "closed_units"],
                "average_gci_amount": ["gci_amount", "closed_units"],
                "gci_rate": ["gci_amount", "volume_amount"],
                "fall_through_rate": [
                    "terminated_units", "closed_units + terminated_units"
                ],
                "average_days_to_close": ["days_to_close", "timed_units"],
            },
        },
        "listing": {
            "fact": "fact_listing",
            "keys": ["currency"],
            "sums": [
                "listings", "active_listings", "in_contract_listings",
                "closed_listings", "terminated_listings", "unknown_listings",
                "priced_listings", "list_volume_amount", "active_list_volume_amount",
                "days_on_market", "timed_listings",
            ],
            "rates": {
                "average_list_price_amount": ["list_volume_amount", "priced_listings"],
                "average_days_on_market": ["days_on_market", "timed_listings"],
            },
        },
        "income": {
            "fact": "fact_income",
            "keys": ["currency"],
            "sums": [
                "income_rows", "income_amount", "settled_amount", "pending_amount"
            ],
        },
        "contribution": {
            "fact": "fact_contribution",
            "keys": ["currency"],
            "sums": [
                "contributions", "missed_contributions", "earned_amount",
                "paid_amount", "pending_amount", "missed_amount",
            ],
            "distincts": {"contributors": "earning_contributor_id"},
        },
        "commission_line": {
            "fact": "fact_commission_line",
            "keys": ["currency"],
            "sums": ["lines", "line_amount"],
        },
        "deduction": {
            "fact": "fact_commission_line",
            "keys": ["currency"],
            "where": "line_kind = 'deduction'",
            "sums": ["lines", "line_amount"],
        },
        "network": {
            "fact": "fact_network_member",
            "sums": [
                "members", "active_members", "inactive_members", "candidate_members",
                "other_members", "joined_members", "left_members", "capped_members",
            ],
            "rates": {"capped_rate": ["capped_members", "active_members"]},
            "distincts": {"distinct_members": "member_agent_id"},
        },
        "network_event": {
            "fact": "fact_network_event",
            "sums": ["joins", "leaves", "net_joins", "status_changes"],
        },
        "lead": {
            "fact": "fact_lead",
            "keys": ["crm_account_id"],
            "sums": [
                "people", "trashed_people", "contacted_people", "active_people",
                "people_with_deal", "people_with_closed_deal",
            ],
            "rates": {
                "contact_rate": ["contacted_people", "people"],
                "deal_rate": ["people_with_deal", "people"],
                "conversion_rate": ["people_with_closed_deal", "people"],
            },
        },
        "activity": {
            "fact": "int_activity__monthly",
            "keys": ["crm_account_id"],
            "sums": [
                "calls", "incoming_calls", "outgoing_calls", "connected_calls",
                "call_seconds", "texts", "incoming_texts", "outgoing_texts",
                "appointments", "events",
            ],
        },
        "call": {
            "fact": "int_activity__monthly",
            "keys": ["crm_account_id"],
            "where": "activity_kind = 'call'",
            "sums": ["calls", "connected_calls", "call_seconds"],
            "rates": {"average_call_seconds": ["call_seconds", "calls"]},
        },
        "text": {
            "fact": "int_activity__monthly",
            "keys": ["crm_account_id"],
            "where": "activity_kind = 'text'",
            "sums": ["texts"],
        },
        "event": {
            "fact": "int_activity__monthly",
            "keys": ["crm_account_id"],
            "where": "activity_kind = 'event'",
            "sums": ["events"],
        },
        "stage_stay": {
            "fact": "fact_stage_stay",
            "keys": ["crm_account_id"],
            "sums": [
                "stays", "finished_stays", "finished_days", "current_stays",
                "current_days",
            ],
            "rates": {
                "average_finished_days": ["finished_days", "finished_stays"],
                "average_current_days": ["current_days", "current_stays"],
            },
        },
    } -%}
    {%- if name not in subjects -%}
        {{ exceptions.raise_compiler_error("There is no subject " ~ name) }}
    {%- endif -%}
    {{ return(subjects[name]) }}
{%- endmacro %}

-- a missing date once became January 2000: a day that counts is possible, or the unknown one
{%- set days = {
    "fact_transaction": "counted_on", "fact_income": "counted_on", "fact_contribution": "counted_on",
    "fact_listing": "counted_on", "fact_lead": "counted_on", "fact_activity": "counted_on",
} %}

{{ rollup("income", ["period_month", "income_type"]) }}

{{ rollup("income", ["period_week", "income_type"]) }}

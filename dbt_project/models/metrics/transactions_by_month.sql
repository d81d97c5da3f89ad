{{ rollup("transaction", ["period_month"]) }}

{{ rollup("transaction", ["period_week"]) }}

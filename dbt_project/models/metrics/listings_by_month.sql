{{ rollup("listing", ["period_month"]) }}

{{ rollup("lead", ["period_month"]) }}

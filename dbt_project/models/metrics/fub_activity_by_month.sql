{{ rollup("activity", ["period_month"]) }}

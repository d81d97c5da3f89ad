{{ rollup("contribution", ["period_month", "tier"]) }}

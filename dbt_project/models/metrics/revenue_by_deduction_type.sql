{{ rollup("deduction", ["period_month", "line_type"]) }}

{{ rollup("transaction", ["country", "state_code", "city"]) }}

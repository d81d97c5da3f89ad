{{ rollup("listing", ["dom_bucket"]) }}

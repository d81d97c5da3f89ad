{{ rollup("network", ["country"]) }}

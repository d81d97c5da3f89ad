{{ rollup("network", ["tier"]) }}

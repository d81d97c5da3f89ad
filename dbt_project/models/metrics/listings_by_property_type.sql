{{ rollup("listing", ["property_type"]) }}

{{ rollup("event", ["lead_source"]) }}

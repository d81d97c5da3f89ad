{{ rollup("lead", ["lead_source"]) }}

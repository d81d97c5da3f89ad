{{ rollup("lead", ["stage_name"]) }}

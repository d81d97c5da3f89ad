{{ rollup("event", ["activity_type"]) }}

{{ rollup("network_event", ["period_week"]) }}

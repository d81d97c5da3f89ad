{{ rollup("network_event", ["period_month"]) }}

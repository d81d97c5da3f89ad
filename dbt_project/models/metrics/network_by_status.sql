{{ rollup("network", ["member_status"]) }}

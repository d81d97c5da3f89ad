{{ rollup("listing", ["listing_status", "lifecycle_state"]) }}

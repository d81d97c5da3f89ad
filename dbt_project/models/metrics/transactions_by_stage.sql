{{ rollup("transaction", ["deal_status", "lifecycle_state"]) }}

{{ rollup("transaction", ["transaction_type"]) }}

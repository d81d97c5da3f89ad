{{ rollup("call", ["direction"]) }}

{{ rollup("text", ["direction"]) }}

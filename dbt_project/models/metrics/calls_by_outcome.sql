{{ rollup("call", ["outcome"]) }}

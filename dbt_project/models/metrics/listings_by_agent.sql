{{ rollup("listing", ["agent_id"], scopes=["company", "team"]) }}

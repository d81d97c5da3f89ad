{{ rollup("lead", ["agent_id", "user_source_id"], scopes=["company", "team"]) }}

{{ rollup("activity", ["agent_id", "user_source_id"], scopes=["company", "team"]) }}

{{ rollup("income", ["agent_id", "income_type"], scopes=["company", "team"]) }}

{{ ranked_production(scopes=["company", "team"], ranked="agent_id") }}

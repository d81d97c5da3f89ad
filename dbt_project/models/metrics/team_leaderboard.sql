{{ ranked_production(scopes=["company"], ranked="team_id") }}

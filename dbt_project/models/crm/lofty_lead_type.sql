{{ list_of_leads("stg_lofty__lead_types", [
    "type_position", "type_code", "lead_type",
]) }}

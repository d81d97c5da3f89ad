{{ list_of_leads("stg_lofty__lead_phones", [
    "phone_position", "phone", "phone_digits", "phone_status", "is_call_forbidden",
    "is_text_forbidden",
]) }}

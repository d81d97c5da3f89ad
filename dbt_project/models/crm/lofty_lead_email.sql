{{ list_of_leads("stg_lofty__lead_emails", [
    "email_position", "email", "is_email_forbidden", "is_unsubscribed",
]) }}

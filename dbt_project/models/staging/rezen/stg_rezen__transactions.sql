{{ rezen_deals("transactions", is_listing=false) }}

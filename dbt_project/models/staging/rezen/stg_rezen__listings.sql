{{ rezen_deals("listings", is_listing=true) }}

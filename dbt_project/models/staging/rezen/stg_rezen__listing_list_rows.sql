{{ rezen_deal_rows("listing_list", is_listing=true) }}

{{ rezen_deal_rows("transaction_list", is_listing=false) }}

"""CSV files that a person imports: transactions, listings and contacts of no connected vendor."""

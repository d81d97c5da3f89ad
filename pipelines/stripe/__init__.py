"""Stripe: the product's own billing."""

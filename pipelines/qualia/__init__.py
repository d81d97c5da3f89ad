"""Qualia: the title company's own orders, with their money and their people (Platform API)."""

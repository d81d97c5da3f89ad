"""Lofty (formerly Chime): the CRM of a brokerage's leads, their communication and deals."""

"""Alerts: what is wrong, grouped by cause, told once and told again when it is over.

Whoever looks for what is wrong hands over `Finding`s (`sensors/alert_sources.py`); the book keeps
one alert per cause; channels are told what they have not been told yet.
"""

"""Dotloop: profiles, loops and their people, contacts (Public API v2)."""

"""Puts this folder on the import path, for `in_memory`."""

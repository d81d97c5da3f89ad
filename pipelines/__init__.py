"""How data leaves a vendor: one folder per vendor, everything they share in `common`.

Nothing here knows Dagster, the control schema or the sandbox; each source also runs alone.
"""

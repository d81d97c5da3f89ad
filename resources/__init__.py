"""What a run borrows: the warehouse, the connections with their secrets, settings, dbt.

Resources carry no configuration. They read the environment when a run asks for something, so that
no secret and no address ever stands in a run's config, its tags or its event log.
"""

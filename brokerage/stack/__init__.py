"""The local stack: PostgreSQL, the sandbox, Dagster's webserver and daemon, started and watched."""

"""How Alembic runs here: on the connection that `migrate` hands over, inside its transaction."""

from __future__ import annotations

from alembic import context

from brokerage.control.tables import SCHEMA, metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table_schema=SCHEMA,
    include_schemas=True,
    transaction_per_migration=False,
)
context.run_migrations()

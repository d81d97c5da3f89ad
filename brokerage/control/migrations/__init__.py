"""Alembic migrations of schema `control`; run them with `brokerage init`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from alembic.config import Config
    from sqlalchemy.engine import Engine


def _config() -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    return config


def is_current(engine: Engine) -> bool:
    """Whether schema `control` has the newest version."""
    from alembic.runtime.migration import MigrationContext
    from alembic.script import ScriptDirectory

    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"version_table_schema": "control"})
        return context.get_current_revision() == (
            ScriptDirectory.from_config(_config()).get_current_head()
        )


def migrate(engine: Engine, revision: str = "head") -> None:
    """Bring schema `control` to a version; harmless when it is there already.

    The version table is `control.alembic_version`.
    """
    from alembic import command
    from sqlalchemy import text

    config = _config()
    with engine.begin() as connection:
        # two processes that start at once would both find nothing and both create
        connection.execute(text("select pg_advisory_xact_lock(hashtext('brokerage.setup'))"))
        connection.execute(text("create schema if not exists control"))
        config.attributes["connection"] = connection
        command.upgrade(config, revision)

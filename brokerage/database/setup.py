"""Bring a database into the state that everything else expects: `brokerage init`."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from brokerage.database.embedded import write_private
from brokerage.database.roles import ensure_roles, grant_control
from brokerage.settings import Settings

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine

BI_READER_PASSWORD_FILE = "bi_reader.password"  # noqa: S105 - a file name


def set_up_database(engine: Engine, *, bi_reader_password: str | None = None) -> None:
    """Roles, schemas and grants, the control tables, the sync-state views; again is harmless.

    Raw and dbt schemas are made here, one after the other, because the loaders that start later do
    so at the same time and would race.
    """
    from brokerage.control.migrations import migrate
    from brokerage.control.sync_state import refresh_views

    ensure_roles(engine, bi_reader_password=bi_reader_password)
    migrate(engine)
    grant_control(engine)
    refresh_views(engine)


def bi_reader_password(settings: Settings) -> str:
    """The configured password of `bi_reader`, else the one generated into the home folder."""
    if settings.bi_reader_password is not None:
        return settings.bi_reader_password.get_secret_value()
    path = settings.make_home() / BI_READER_PASSWORD_FILE
    if not path.exists():
        write_private(path, secrets.token_urlsafe(18) + "\n")
    return path.read_text("utf-8").strip()

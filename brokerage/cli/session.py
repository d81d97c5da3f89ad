"""What most commands need: settings, a database that answers, and the control schema over it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from brokerage.cli.console import note
from brokerage.database.embedded import EmbeddedPostgres
from brokerage.settings import Settings, get_settings
from brokerage.stack.stack import Stack

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine

    from brokerage.control.log import ControlLog
    from brokerage.control.repository import ControlRepository
    from brokerage.control.vault import Vault


@dataclass
class Session:
    """One command's view of the platform; things are opened when they are first used."""

    settings: Settings

    @classmethod
    def open(cls, *, database: bool = True) -> Session:
        """Read the settings and, unless told not to, start the embedded database if need be."""
        session = cls(get_settings())
        if database:
            session.ensure_database()
        return session

    def reload(self) -> None:
        """Read the settings again, after the home folder became a sandbox home."""
        get_settings.cache_clear()
        self.settings = get_settings()

    @property
    def stack(self) -> Stack:
        return Stack(self.settings, note=note)

    def ensure_database(self) -> None:
        """Start the embedded server if it does not run, and set up what is missing in it.

        Raises:
            UnavailableError: when there is no usable database.
        """
        from brokerage.database.engine import check_reachable

        started = False
        if self.settings.uses_embedded_database:
            server = EmbeddedPostgres.for_settings(self.settings)
            started = server.start()
            if started:
                port = server.status().port
                note(f"PostgreSQL started on port {port}; `brokerage down` stops it")
        check_reachable(self.engine)
        if not self.is_set_up():
            self.set_up()

    def is_set_up(self) -> bool:
        """Whether `set_up` was ever run on this database."""
        from sqlalchemy import text

        with self.engine.connect() as connection:
            return bool(
                connection.execute(
                    text("select to_regclass('control.sync_state') is not null")
                ).scalar_one()
            )

    def set_up(self) -> None:
        """Roles, schemas, control tables and raw tables; again is harmless."""
        from brokerage.database.engine import LIBPQ_DRIVER, LOADER, role_url
        from brokerage.database.setup import bi_reader_password, set_up_database
        from pipelines.common.load import prepare_raw
        from pipelines.registry import VENDORS

        set_up_database(self.engine, bi_reader_password=bi_reader_password(self.settings))
        for vendor in VENDORS.values():
            url = role_url(LOADER, self.settings, driver=LIBPQ_DRIVER)
            prepare_raw(vendor, url, self.settings.home / "dlt")

    def ensure_sandbox(self) -> None:
        """In a sandbox home, make sure that the sandbox answers."""
        if self.settings.is_sandbox:
            self.stack.start_sandbox()

    @cached_property
    def engine(self) -> Engine:
        from brokerage.database.engine import make_engine, owner_url

        return make_engine(owner_url(self.settings))

    @cached_property
    def repository(self) -> ControlRepository:
        from brokerage.control.repository import ControlRepository

        return ControlRepository(self.engine)

    @cached_property
    def vault(self) -> Vault:
        from brokerage.control.vault import Vault

        return Vault.for_settings(self.engine, self.settings)

    @cached_property
    def log(self) -> ControlLog:
        from brokerage.control.log import ControlLog

        return ControlLog(self.engine)
